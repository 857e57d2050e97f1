/// Byte strings as execve(2) takes them: pointers to bytes that end with NUL, and a null pointer.
struct CStringArray {
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []

    init(_ strings: [[UInt8]]) {
        bytes.reserveCapacity(strings.reduce(0) { $0 + $1.count + 1 })
        for string in strings {
            offsets.append(bytes.count)
            bytes += string
            bytes.append(0)
        }
    }

    /// The pointers are valid within `body`, which does not write through them.
    func withPointers<Result>(_ body: (UnsafeBufferPointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        var copy = bytes
        return copy.withUnsafeMutableBytes { bytes in
            let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            var pointers = offsets.map { offset in start.map { $0 + offset } }
            pointers.append(nil)
            return pointers.withUnsafeBufferPointer(body)
        }
    }
}
