internal import Glibc
internal import NIOCore

/// An echo frame that is encoded once and sent many times: only the id and the stamp of the payload change.
///
/// The stamp (the id, then the number of the connection) begins the payload, and the rest of it is a pattern,
/// so that an answer that was swapped, cut or shifted is told from the right one.
struct FrameTemplate {
    /// Shortest payload: the stamp, eight bytes of id and four of connection.
    static let stampLength = 12

    private let bytes: [UInt8]
    private let idOffset: Int
    private let payloadOffset: Int
    let payloadLength: Int

    /// Bytes on the wire, with the header.
    var frameLength: Int { bytes.count }
    /// Bytes without the header.
    var messageLength: Int { bytes.count - FrameHeader.length }

    /// `payloadLength` is at least ``stampLength``.
    init(backend: EchoBackend, key: String, payloadLength: Int) {
        var writer = ProtobufWriter()
        let id = writer.reservePaddedVarint(field: 1)
        writer.writeMessage(field: 2) { target in
            target.writeVarint(backend.wireNumber, field: 1)
            target.writeBytes(key.utf8, field: 2)
        }
        writer.writeMessage(field: 32) { _ in }
        let pattern = (0..<payloadLength).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        writer.writeBytes(pattern, field: 2047)
        bytes = FrameHeader.bytes(length: writer.bytes.count) + writer.bytes
        idOffset = FrameHeader.length + id.lowerBound
        payloadOffset = bytes.count - payloadLength
        self.payloadLength = payloadLength
    }

    /// Appends the frame of one call. `id` is at most `PaddedVarint.maximum`.
    func append(id: UInt64, connection: UInt32, to out: inout ByteBuffer) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { room in
            bytes.withUnsafeBytes { room.copyMemory(from: $0) }
            PaddedVarint.store(id, in: room, at: idOffset)
            room.storeBytes(of: id.littleEndian, toByteOffset: payloadOffset, as: UInt64.self)
            room.storeBytes(of: connection.littleEndian, toByteOffset: payloadOffset + 8, as: UInt32.self)
            return bytes.count
        }
    }

    /// Whether `payload` is, to the byte, what ``append(id:connection:to:)`` sent for this call.
    func matches(_ payload: Range<Int>, in received: Span<UInt8>, id: UInt64, connection: UInt32) -> Bool {
        guard payload.count == payloadLength else { return false }
        return received.withUnsafeBytes { received in
            let payload = UnsafeRawBufferPointer(rebasing: received[payload])
            guard UInt64(littleEndian: payload.loadUnaligned(as: UInt64.self)) == id,
                UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) == connection
            else { return false }
            return bytes.withUnsafeBytes { sent in
                let pattern = UnsafeRawBufferPointer(rebasing: sent.dropFirst(payloadOffset + Self.stampLength))
                let rest = UnsafeRawBufferPointer(rebasing: payload.dropFirst(Self.stampLength))
                guard let expected = pattern.baseAddress, let actual = rest.baseAddress else { return true }
                return memcmp(expected, actual, pattern.count) == 0
            }
        }
    }
}
