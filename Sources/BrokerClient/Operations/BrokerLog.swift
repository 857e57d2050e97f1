public import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

extension BrokerConnection {
    /// Follows what is done in an org while `body` runs; nil: in that of the token, or, for an operator's, in all.
    /// `body` begins when the broker tells of all that is done from then on. Throws `PERMISSION_DENIED` for another org
    /// than the token's own, and `RESOURCE_EXHAUSTED` where as many follow as may.
    ///
    /// - Parameter verbose: Also what changes nothing.
    public func withLog<Value>(
        of org: String? = nil,
        verbose: Bool = false,
        call options: BrokerCallOptions = BrokerCallOptions(),
        _ body: (BrokerLog) async throws -> Value
    ) async throws -> Value {
        let operation = Operation.logs(FollowLogs(org: org ?? "", isVerbose: verbose))
        let call = try start(CallRequest(operation, on: nil, options: options))
        guard let first = try await call.next(), case .logs = first.reply else { throw await call.strangeAnswer() }
        do {
            let value = try await body(BrokerLog(call))
            await call.cancelAndWait()
            return value
        } catch {
            await call.cancelAndWait()
            throw error
        }
    }
}

/// What is done on a broker, a line of JSON per operation, for one task: as in the broker's operations log, with the
/// members `time`, `org`, `key`, `scope`, `operation`, `subject`, `ok`, `error`, `exit_code`, `duration_us`, `bytes`,
/// `stdout` and `stderr`, as far as they say something. `{"time":…,"dropped":3}` stands where operations are missing,
/// because this side read too slowly. It ends when the broker shuts down.
public final class BrokerLog: AsyncSequence, Sendable {
    public typealias Element = String
    public typealias Failure = BackendError

    /// Longer than any line.
    private static let maximumLine = 1 << 20

    private let call: ClientCall
    /// Begins with what was not handed out yet.
    private let rest = Mutex(ByteBuffer())

    init(_ call: ClientCall) {
        self.call = call
    }

    /// The next line, without its line feed; nil at the end. Cancelling the task ends the call.
    public func next() async throws(BackendError) -> String? {
        while true {
            if let line = takeLine() { return line }
            guard let part = try await call.next() else { return nil }
            guard part.reply == nil, keep(part.payload) else { throw await call.strangeAnswer() }
        }
    }

    private func takeLine() -> String? {
        rest.withLock { rest in
            guard let end = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            let line = rest.readString(length: end - rest.readerIndex)
            rest.moveReaderIndex(forwardBy: 1)
            return line
        }
    }

    /// False: so much without a line feed is no line.
    private func keep(_ bytes: ByteBuffer) -> Bool {
        rest.withLock { rest in
            rest.discardReadBytes()
            rest.writeImmutableBuffer(bytes)
            return rest.readableBytes <= Self.maximumLine || rest.readableBytesView.contains(UInt8(ascii: "\n"))
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(log: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let log: BrokerLog

        public func next() async throws(BackendError) -> String? { try await log.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws(BackendError) -> String? {
            try await log.next()
        }
    }
}
