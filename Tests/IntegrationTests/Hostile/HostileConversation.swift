import AgentBackend
import BrokerWire
import NIOCore
import WireFuzzing

/// What a hostile client sends over one connection, and what it is to get for it.
struct HostileConversation: Sendable {
    enum Ending: Sendable {
        /// A go-away with one of these, and nothing after it.
        case goAway(Set<BackendError.Code>)
        /// The client closes its side: all is answered, and no fault is told.
        case answered
        /// One of the two.
        case either
    }

    /// What a call is answered with.
    enum Expectation: Sendable {
        /// At once, with one of these errors.
        case refusal(Set<BackendError.Code>)
        /// With its payload.
        case echo(ByteBuffer)
        /// Somehow, once.
        case answer
    }

    var bytes = ByteBuffer()
    /// Frames that no honest client sends.
    var hostileFrames = 0
    var expectations: [UInt64: Expectation] = [:]
    var ending = Ending.answered
    /// Ids up to this one were used.
    var highestID: UInt64 = 0

    mutating func append(_ frame: ClientFrame) {
        bytes.writeImmutableBuffer(Self.bytes(of: frame))
    }

    /// A message with the header that it should have.
    mutating func append(message: [UInt8]) {
        append(header: UInt32(message.count))
        bytes.writeBytes(message)
    }

    mutating func append(header length: UInt32, flags: UInt8 = 0) {
        bytes.writeInteger(flags)
        bytes.writeInteger(length)
    }

    mutating func nextID() -> UInt64 {
        highestID += 1
        return highestID
    }

    static func message(of frame: ClientFrame) -> [UInt8] {
        Array(bytes(of: frame).readableBytesView.dropFirst(FrameHeader.length))
    }

    private static func bytes(of frame: ClientFrame) -> ByteBuffer {
        var bytes = ByteBuffer()
        if let payload = ClientFrameEncoder().encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
        return bytes
    }
}
