import NIOCore

extension ByteBuffer {
    var array: [UInt8] { Array(readableBytesView) }

    /// Where its readable bytes are in memory.
    var address: UInt {
        withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }
}
