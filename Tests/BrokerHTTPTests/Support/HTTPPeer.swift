import Glibc
import NIOCore
import NIOPosix

/// A client's end of one connection, which sends what a test wants sent, and reads when it is asked to. For one task.
/// Close it.
final class HTTPPeer {
    struct Reply: Sendable {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body = ""
    }

    enum Failure: Error {
        /// Something else than HTTP came.
        case strange(String)
        /// It was closed where more had to come.
        case closed
    }

    private let channel: any Channel
    private var pieces: AsyncStream<ByteBuffer>.Iterator
    private var unread = ByteBuffer()
    /// What is left of a chunk; nil: the body is not chunked.
    private var chunked = false
    private var events = ""

    private init(_ channel: any Channel, _ pieces: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.pieces = pieces.makeAsyncIterator()
    }

    /// - Parameters:
    ///   - receiveBuffer: Bytes that the kernel keeps for it while it does not read; nil: its default.
    ///   - segment: Bytes of a segment at most. Where they are few the kernel keeps little on the broker's side as well.
    static func connect(port: Int, receiveBuffer: Int? = nil, segment: Int? = nil) async throws -> HTTPPeer {
        let (pieces, continuation) = AsyncStream<ByteBuffer>.makeStream()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver(continuation))
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        if let segment {
            bootstrap = bootstrap.channelOption(
                .tcpOption(.init(rawValue: TCP_MAXSEG)),
                value: SocketOptionValue(segment)
            )
        }
        return HTTPPeer(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), pieces)
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let pieces: AsyncStream<ByteBuffer>.Continuation

        init(_ pieces: AsyncStream<ByteBuffer>.Continuation) { self.pieces = pieces }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { pieces.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { pieces.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    func close() async {
        try? await channel.close().get()
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Returns when the broker has closed.
    func waitForClose() async throws {
        while try await more() {}
    }

    private func more() async throws -> Bool {
        channel.read()
        guard var piece = await pieces.next(isolation: #isolation) else { return false }
        unread.writeBuffer(&piece)
        return true
    }

    private func line() async throws -> String {
        while true {
            let view = unread.readableBytesView
            if let end = view.firstIndex(of: UInt8(ascii: "\n")) {
                let length = view.distance(from: view.startIndex, to: end) + 1
                let line = unread.readString(length: length) ?? ""
                return line.trimmingSuffix { $0.isNewline }
            }
            guard try await more() else { throw Failure.closed }
        }
    }

    private func bytes(_ count: Int) async throws -> String {
        while unread.readableBytes < count { guard try await more() else { throw Failure.closed } }
        return unread.readString(length: count) ?? ""
    }

    /// The head of an answer alone.
    func head() async throws -> Reply {
        let status = try await line()
        guard status.hasPrefix("HTTP/1.1 "), let code = Int(status.dropFirst(9).prefix(3)) else {
            throw Failure.strange(status)
        }
        var headers: [String: String] = [:]
        while true {
            let line = try await line()
            guard let colon = line.firstIndex(of: ":") else { break }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        events = ""
        return Reply(status: code, headers: headers)
    }

    /// A whole answer.
    func reply() async throws -> Reply {
        var reply = try await head()
        if let length = reply.headers["content-length"].flatMap({ Int($0) }) {
            reply.body = try await bytes(length)
        } else if reply.headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { reply.body += chunk }
        }
        return reply
    }

    /// Nil: the last one was read.
    private func chunk() async throws -> String? {
        guard let length = Int(try await line(), radix: 16) else { throw Failure.strange("no chunk") }
        let chunk = try await bytes(length)
        _ = try await line()
        return length > 0 ? chunk : nil
    }

    /// The data of the next event of an answer whose head was read; nil: there are no more. Comments are passed over.
    func event() async throws -> String? { try await namedEvent()?.data }

    /// The same, with its name.
    func namedEvent() async throws -> (name: String, data: String)? {
        while true {
            if let end = events.firstRange(of: "\n\n") {
                let lines = events[..<end.lowerBound].split(separator: "\n").map(String.init)
                events.removeSubrange(..<end.upperBound)
                if let data = lines.first(where: { $0.hasPrefix("data: ") }) {
                    let name = lines.first { $0.hasPrefix("event: ") }?.dropFirst(7) ?? "message"
                    return (String(name), String(data.dropFirst(6)))
                }
                continue
            }
            guard let chunk = try await chunk() else { return nil }
            events += chunk
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, predicate(last) { text.removeLast() }
        return String(text)
    }
}
