internal import NIOCore

extension StreamSocket {
    /// Bytes that one receive takes at the most.
    static let receiveLength = 64 << 10

    /// Says hello on a socket that still blocks, and returns what the server allows. What comes after the reply stays in
    /// `received`. Takes the socket's patience at the longest for each step.
    func sayHello(_ token: String, _ received: inout ByteBuffer) throws(LoadFailure) -> SessionLimits {
        var hello = ByteBuffer(bytes: ClientFrames.hello(token: token))
        guard try send(&hello) else { throw .connection("the server takes no hello") }
        while true {
            if let (limits, handled) = try Self.helloReply(received.readableBytesUInt8Span) {
                received.moveReaderIndex(forwardBy: handled)
                return limits
            }
            guard try receive(into: &received, atMost: Self.receiveLength) else {
                throw .connection("no answer to the hello within \(LoadSettings.patience)")
            }
        }
    }

    /// The first frame's limits and its length; nil until it is there as a whole.
    private static func helloReply(_ bytes: Span<UInt8>) throws(LoadFailure) -> (SessionLimits, handled: Int)? {
        guard let message = try FrameHeader.message(at: 0, in: bytes, limit: 1 << 20) else { return nil }
        switch try ServerFrame(message, in: bytes).body {
        case .helloReply(let reply):
            return (try SessionLimits(helloReply: reply, in: bytes), message.upperBound)
        case .goAway(let goAway):
            throw .connection("refused: \(try ServerError(goAway: goAway, in: bytes))")
        case let body:
            throw .connection("the server answered the hello with \(body)")
        }
    }
}
