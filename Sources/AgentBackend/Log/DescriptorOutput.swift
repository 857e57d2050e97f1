internal import Glibc

/// Lines to a descriptor of any kind, which stays its owner's.
struct DescriptorOutput: LineOutput {
    let descriptor: Int32
    /// The last line is not whole: the next begins on a new one.
    private(set) var isWithinLine: Bool

    init(_ descriptor: Int32, isWithinLine: Bool = false) {
        self.descriptor = descriptor
        self.isWithinLine = isWithinLine
    }

    /// What is written without asking again whether it blocks: `PIPE_BUF`.
    private static let pieceLength = 4096

    mutating func write(_ lines: TextLines, _ patience: SinkPatience) -> Int {
        if isWithinLine {
            guard write([UInt8(ascii: "\n")], patience) == 1 else { return 0 }
            isWithinLine = false
        }
        let written = write(lines.bytes[...], patience)
        let whole = lines.count(from: 0, within: written)
        isWithinLine = written > lines.start(of: whole)
        return whole
    }

    mutating func close() {}

    /// Returns how many bytes were written.
    private func write(_ bytes: ArraySlice<UInt8>, _ patience: SinkPatience) -> Int {
        var rest = bytes
        while !rest.isEmpty, patience.waitUntilWritable(descriptor) {
            let count = rest.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress, min(bytes.count, Self.pieceLength))
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // A log that cannot be written is no reason to stop working.
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        return bytes.count - rest.count
    }
}
