package import NIOCore

/// The last bytes of a stream, known by their offsets from its beginning. Takes memory as bytes come, at most its
/// capacity.
package struct OutputRing: Sendable {
    package let capacity: Int
    package private(set) var storage: [UInt8] = []
    /// Where in the storage the first byte is.
    private var head = 0
    /// Bytes that are kept.
    package private(set) var count = 0
    /// The offset after the last byte: how many there were in all.
    package private(set) var end: UInt64 = 0

    /// `capacity`: at least 1.
    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// The offset of the first byte that is kept.
    package var start: UInt64 { end - UInt64(count) }

    package mutating func append(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { all in
            let kept = UnsafeRawBufferPointer(rebasing: all.suffix(capacity))
            makeRoom(for: kept.count)
            let tail = (head + count) % max(1, storage.count)
            let first = min(kept.count, storage.count - tail)
            storage.withUnsafeMutableBytes { storage in
                storage[tail...].copyBytes(from: kept.prefix(first))
                storage.copyBytes(from: kept.dropFirst(first))
            }
            count += kept.count
            end += UInt64(all.count)
        }
    }

    /// A copy of at most `count` bytes from `offset` on, which is not before ``start``. Empty at the end and beyond.
    package func bytes(from offset: UInt64, upTo count: Int) -> ByteBuffer {
        guard offset >= start, offset < end else { return ByteBuffer() }
        let length = Int(min(UInt64(max(0, count)), end - offset))
        let from = (head + Int(offset - start)) % storage.count
        let first = min(length, storage.count - from)
        var bytes = ByteBuffer()
        bytes.reserveCapacity(length)
        bytes.writeBytes(storage[from..<from + first])
        bytes.writeBytes(storage[0..<length - first])
        return bytes
    }

    /// Keeps nothing of what there was.
    package mutating func removeAll() {
        storage = []
        head = 0
        count = 0
    }

    /// For so many bytes, at most the capacity: more memory, or that of the oldest bytes.
    private mutating func makeRoom(for length: Int) {
        let wanted = count + length
        if wanted > storage.count, storage.count < capacity {
            grow(to: min(capacity, max(wanted, 2 * storage.count, Self.leastStorage)))
        }
        let surplus = wanted - storage.count
        guard surplus > 0 else { return }
        head = (head + surplus) % storage.count
        count -= surplus
    }

    private mutating func grow(to size: Int) {
        var grown: [UInt8] = []
        grown.reserveCapacity(size)
        let first = min(count, storage.count - head)
        grown += storage[head..<head + first]
        grown += storage[0..<count - first]
        grown += repeatElement(0, count: size - count)
        storage = grown
        head = 0
    }

    private static let leastStorage = 4096
}
