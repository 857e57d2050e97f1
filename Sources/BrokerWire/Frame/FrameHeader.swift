package import AgentBackend
package import NIOCore

/// What stands before each message: flags (one byte, 0 in version 1) and the message's length (four bytes, big
/// endian). The layout of gRPC's length-prefixed message.
package enum FrameHeader {
    package static let length = 5
    /// Bytes of a message, the payload included, unless the session says otherwise.
    package static let defaultMaximumMessageLength = 4 << 20
    /// Bytes of a message before the hello was accepted.
    package static let maximumHelloLength = 16 << 10
    /// Bytes of a message without its payload.
    package static let defaultMaximumHeadLength = 1 << 20
}

/// Cuts what arrives into messages. A value; used by one connection.
package struct FrameAccumulator {
    private var pending = ByteBuffer()
    /// Bytes that a message may have.
    package var maximumMessageLength: Int

    package init(maximumMessageLength: Int = FrameHeader.defaultMaximumMessageLength) {
        self.maximumMessageLength = maximumMessageLength
    }

    /// Whether the last bytes were the end of a message.
    package var isAtBoundary: Bool { pending.readableBytes == 0 }

    /// Bytes that have arrived and were not handed out.
    package var count: Int { pending.readableBytes }

    package mutating func append(_ bytes: consuming ByteBuffer) {
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.writeBuffer(&bytes)
        }
    }

    /// Bytes of memory that are kept for what arrived.
    var capacity: Int { pending.capacity }

    /// The next whole message, as a slice of what arrived. Throws `PROTOCOL_ERROR` where flags or length say that
    /// nothing after them can be understood; that is checked before anything is buffered for the message.
    package mutating func next() throws(BackendError) -> ByteBuffer? {
        guard let (flags, length) = pending.peekMultipleIntegers(as: (UInt8, UInt32).self) else {
            release()
            return nil
        }
        guard flags == 0 else {
            throw Self.strangeFlags(flags)
        }
        guard length <= maximumMessageLength else {
            throw BackendError(
                .protocolError,
                reason: .tooLarge,
                message: "a frame announces \(length) bytes, at most \(maximumMessageLength) work: send large contents "
                    + "as several chunks",
                limit: LimitDetails(name: "frame_bytes", used: UInt64(length), allowed: UInt64(maximumMessageLength))
            )
        }
        let whole = FrameHeader.length + Int(length)
        guard pending.readableBytes >= whole else {
            reserve(whole)
            return nil
        }
        pending.moveReaderIndex(forwardBy: FrameHeader.length)
        return pending.readSlice(length: Int(length))
    }

    private static func strangeFlags(_ flags: UInt8) -> BackendError {
        let message =
            switch flags {
            case TLSRecord.handshake:
                "this is TLS, and the listener speaks none: connect without TLS, or to a listener that does"
            case TLSRecord.alert:
                "the peer answers in TLS: connect with TLS, or to a listener without"
            default:
                "frame flags are \(flags): version 1 has none; send 0 (is this HTTP?)"
            }
        return BackendError(.protocolError, message: message)
    }

    /// Makes room for a message of which a part is here, once, so that it is copied once.
    private mutating func reserve(_ whole: Int) {
        guard pending.readerIndex + whole > pending.capacity || pending.readerIndex > 0 else { return }
        var roomier = ByteBufferAllocator().buffer(capacity: whole)
        roomier.writeBuffer(&pending)
        pending = roomier
    }

    /// An idle connection keeps no buffer, and one that has begun a frame no more than what came of it.
    private mutating func release() {
        if pending.readableBytes == 0 {
            pending = ByteBuffer()
        } else if pending.readerIndex > 0 {
            pending = ByteBuffer(buffer: pending)
        }
    }
}
