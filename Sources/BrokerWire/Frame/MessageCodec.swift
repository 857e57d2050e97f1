internal import AgentBackend
internal import CBrokerProtos
internal import CProtobufC
internal import NIOCore

/// The way from bytes to messages and back that both kinds of frame share.
enum MessageCodec {
    /// The head of a message, for protobuf-c to unpack.
    struct Head {
        var bytes: UnsafeRawBufferPointer
        /// The number of the only field that may be its body; 0: not known.
        var body: UInt64
        var allocator: UnsafeMutablePointer<ProtobufCAllocator>
    }

    /// Hands the head of a message to `unpack`, with the payload as a slice of the message. Libraries write the
    /// payload last, where it is cut off without a copy; elsewhere the rest is copied together first.
    static func decode<Frame>(
        _ message: ByteBuffer,
        maximumHeadLength: Int,
        arena: borrowing WireArena,
        unpack: (Head, ByteBuffer) throws(BackendError) -> Frame
    ) throws(FrameFault) -> Frame {
        defer { arena.empty() }
        return try message.readableBytesSpan.withUnsafeBytes { (bytes) throws(FrameFault) -> Frame in
            let scan = MessageScan(bytes)
            func fault(_ error: BackendError) -> FrameFault {
                FrameFault(
                    id: scan.id == 0 ? nil : scan.id,
                    error: error,
                    payloadLength: scan.payload?.contents.count ?? 0
                )
            }
            func unpackHead(_ head: UnsafeRawBufferPointer, payload: ByteBuffer) throws(FrameFault) -> Frame {
                guard head.count <= maximumHeadLength else {
                    throw fault(headTooLong(head.count, maximum: maximumHeadLength))
                }
                arena.reset(budget: budget(headLength: head.count))
                do throws(BackendError) {
                    return try unpack(Head(bytes: head, body: scan.body, allocator: arena.allocator), payload)
                } catch {
                    throw fault(error)
                }
            }
            guard !scan.isMalformed else { throw fault(malformed) }
            // An empty slice too is one of the message: a fresh buffer would share its storage with those of all other
            // threads, and count its users in the same place as they.
            func slice(_ range: Range<Int>) -> ByteBuffer {
                message.getSlice(at: message.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
            }
            guard let found = scan.payload else { return try unpackHead(bytes, payload: slice(0..<0)) }
            let payload = slice(found.contents)
            guard found.field.upperBound < bytes.count || scan.hasSeveralPayloads else {
                let head = UnsafeRawBufferPointer(rebasing: bytes[..<found.field.lowerBound])
                return try unpackHead(head, payload: payload)
            }
            return try MessageScan.copyHead(of: bytes).span.bytes.withUnsafeBytes { (head) throws(FrameFault) in
                try unpackHead(head, payload: payload)
            }
        }
    }

    /// Bytes that a message may need when it is unpacked. Most need less than twice their length, hostile ones 44
    /// times. So do honest lists of short things, such as arguments or names: the first part is for those.
    static func budget(headLength: Int) -> Int { (1 << 20) + 8 * headLength }

    static let malformed = BackendError(
        .protocolError,
        message: "a message is no message of this protocol, or would need far more memory than its length"
    )

    private static func headTooLong(_ length: Int, maximum: Int) -> BackendError {
        BackendError(
            .protocolError,
            reason: .tooLarge,
            message: "a message has \(length) bytes besides its payload, at most \(maximum) work: put contents into "
                + "the payload, and lists into several calls",
            limit: LimitDetails(name: "head_bytes", used: UInt64(length), allowed: UInt64(maximum))
        )
    }

    /// Payloads up to this many bytes are copied behind their head; larger ones are written by reference.
    static let copiedPayloadLength = 16 << 10

    /// Writes header, head and payload. Returns the payload where it is to be written next, by reference.
    static func encode(
        _ head: UnsafePointer<ProtobufCMessage>,
        payload: ByteBuffer,
        into out: inout ByteBuffer
    ) -> ByteBuffer? {
        let headLength = protobuf_c_message_get_packed_size(head)
        let count = payload.readableBytes
        let lengthSize = varintSize(count)
        let payloadFieldHead = count > 0 ? 2 + lengthSize : 0
        let whole = FrameHeader.length + headLength + payloadFieldHead
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: whole) { memory in
            memory.storeBytes(of: 0, as: UInt8.self)
            memory.storeBytes(
                of: UInt32(headLength + payloadFieldHead + count).bigEndian,
                toByteOffset: 1,
                as: UInt32.self
            )
            guard let start = memory.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
            var end = start + FrameHeader.length
            end += protobuf_c_message_pack(head, end)
            if count > 0 {
                // Field 2047, length-delimited.
                end[0] = 0xfa
                end[1] = 0x7f
                writeVarint(count, to: end + 2)
            }
            return whole
        }
        guard count > 0 else { return nil }
        guard count <= copiedPayloadLength else { return payload }
        out.writeImmutableBuffer(payload)
        return nil
    }

    private static func varintSize(_ value: Int) -> Int {
        (max(1, Int.bitWidth - value.leadingZeroBitCount) + 6) / 7
    }

    private static func writeVarint(_ value: Int, to memory: UnsafeMutablePointer<UInt8>) {
        var rest = UInt64(value)
        var next = memory
        while rest >= 0x80 {
            next.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            next += 1
            rest >>= 7
        }
        next.pointee = UInt8(rest)
    }
}
