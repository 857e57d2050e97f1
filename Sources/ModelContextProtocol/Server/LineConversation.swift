package import NIOCore
internal import Synchronization

/// A conversation over two streams, one message to a line: what the protocol calls stdio. Of both its eras.
///
/// Requests are answered as they are done, several at a time. A value; safe to share.
package struct LineConversation: Sendable {
    /// Longest line, in bytes; one more ends the conversation.
    package static let maximumLine = 32 << 20
    /// Requests that are answered at one time; one more is refused.
    package static let maximumRequests = 64

    private let server: ToolServer
    private let context: ToolContext

    package init(_ server: ToolServer, _ context: ToolContext) {
        self.server = server
        self.context = context
    }

    /// What the conversation agreed on, and its requests that are being answered.
    private final class State: Sendable {
        let version = Mutex(ProtocolVersion.newestOfHandshake)
        let requests = Mutex<[MessageID: Occurrence]>([:])

        /// Nil: there are too many, or another one has its id.
        func begin(_ id: MessageID) -> Occurrence? {
            requests.withLock { requests in
                guard requests.count < maximumRequests, requests[id] == nil else { return nil }
                let calledOff = Occurrence()
                requests[id] = calledOff
                return calledOff
            }
        }
    }

    /// Until the input ends and what was asked by then is answered, for as long as `patience` allows. Throws what
    /// reading and writing throw, and for a line that is too long.
    ///
    /// - Parameters:
    ///   - input: Pieces, however the lines lie in them.
    ///   - write: Writes one line whole, whoever else writes. Called from several tasks.
    package func run(
        reading input: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        patience: Duration = .seconds(1),
        write: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) async throws {
        let state = State()
        try await withThrowingTaskGroup(of: Void.self) { group in
            var lines = LineSplitter(maximum: Self.maximumLine)
            for try await piece in input {
                lines.append(piece)
                while let line = try lines.next() { try await take(line, state, write, &group) }
            }
            if let rest = lines.rest { try await take(rest, state, write, &group) }
            group.addTask {
                try? await context.clock.sleep(for: patience)
                for calledOff in state.requests.withLock({ Array($0.values) }) { calledOff.happen() }
            }
            while !state.requests.withLock(\.isEmpty), try await group.next() != nil {}
            group.cancelAll()
        }
    }

    private func take(
        _ line: ByteBuffer,
        _ state: State,
        _ write: @escaping @Sendable (ByteBuffer) async throws -> Void,
        _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        do throws(RPCFailure) {
            switch try RPCMessage(line) {
            case .response: break
            case .notification(let notification):
                guard let id = notification.cancelledRequest else { return }
                state.requests.withLock { $0[id] }?.happen()
            case .request(let request):
                let version = try version(of: request, state)
                guard let calledOff = state.begin(request.id) else {
                    throw RPCFailure(
                        RPCError(.invalidRequest, "too many requests, or another of this id, are being answered"),
                        id: request.id
                    )
                }
                group.addTask { try await answer(request, version, calledOff, state, write) }
            }
        } catch {
            try await write(Self.line(error.response.json))
        }
    }

    /// A request that says what it is written in belongs to no conversation.
    private func version(of request: RPCRequest, _ state: State) throws(RPCFailure) -> ProtocolVersion {
        if request.method == "initialize" {
            let version = ToolServer.version(initializing: request)
            state.version.withLock { $0 = version }
            return version
        }
        guard let claimed = request.claimedVersion else { return state.version.withLock { $0 } }
        do throws(RPCError) {
            try request.checkEnvelope()
            guard let name = claimed.text else { throw RPCError(.invalidParameters, "the protocolVersion is no text") }
            guard let version = ProtocolVersion(rawValue: name), version.era == .stateless else {
                throw .unsupported(name)
            }
            return version
        } catch {
            throw RPCFailure(error, id: request.id)
        }
    }

    private func answer(
        _ request: RPCRequest,
        _ version: ProtocolVersion,
        _ calledOff: Occurrence,
        _ state: State,
        _ write: @Sendable (ByteBuffer) async throws -> Void
    ) async throws {
        defer { state.requests.withLock { $0[request.id] = nil } }
        let mailbox = AnswerMailbox()
        async let work: Void = server.perform(
            request,
            version,
            in: context,
            calledOff: calledOff,
            telling: mailbox
        )
        while true {
            let item = await mailbox.next()
            switch item {
            case .progress(let progress):
                if let token = request.progressToken { try await write(Self.line(progress.notification(token))) }
            case .answer(let response):
                await work
                try await write(Self.line(response.json))
            case .cancelled, .ping: break
            }
            if item.isLast { return }
        }
    }

    private static func line(_ message: JSONValue) -> ByteBuffer {
        var line = message.bytes
        line.writeStaticString("\n")
        return line
    }
}

/// Lines out of pieces. A value.
struct LineSplitter {
    struct TooLong: Error, CustomStringConvertible {
        let maximum: Int
        var description: String { "a message has more than \(maximum) bytes" }
    }

    private let maximum: Int
    private var bytes = ByteBuffer()
    /// Bytes that are known to have no end of a line.
    private var searched = 0

    init(maximum: Int) {
        self.maximum = maximum
    }

    mutating func append(_ piece: ByteBuffer) {
        bytes.writeImmutableBuffer(piece)
    }

    /// The next one that is not empty, without its end. Nil: there is none yet.
    mutating func next() throws(TooLong) -> ByteBuffer? {
        while true {
            let view = bytes.readableBytesView.dropFirst(searched)
            guard let end = view.firstIndex(of: UInt8(ascii: "\n")) else {
                searched = bytes.readableBytes
                guard searched <= maximum else { throw TooLong(maximum: maximum) }
                return nil
            }
            let length = bytes.readableBytesView.distance(from: bytes.readableBytesView.startIndex, to: end)
            let line = bytes.readSlice(length: length)
            bytes.moveReaderIndex(forwardBy: 1)
            bytes.discardReadBytes()
            searched = 0
            if let line, line.readableBytesView.contains(where: { $0 > 0x20 }) { return line }
        }
    }

    /// What is left when no more comes.
    var rest: ByteBuffer? { bytes.readableBytesView.contains { $0 > 0x20 } ? bytes : nil }
}
