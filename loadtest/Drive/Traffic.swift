internal import NIOCore

/// Bytes on connections, greetings included, as a generator has sent and received them.
struct Traffic: Codable, Equatable {
    var sentBytes = 0
    var receivedBytes = 0

    mutating func add(_ other: Traffic) {
        sentBytes += other.sentBytes
        receivedBytes += other.receivedBytes
    }

    /// `received`: what has arrived of the reply, and behind it.
    mutating func addHello(_ token: String, received: ByteBuffer) {
        sentBytes += ClientFrames.hello(token: token).count
        receivedBytes += received.writerIndex
    }
}
