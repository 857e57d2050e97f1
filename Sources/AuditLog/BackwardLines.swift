/// The lines of a file from its last to its first, without line feeds. What follows the last line feed is left out.
struct BackwardLines {
    private let directory: AuditDirectory
    private let descriptor: Int32
    private let name: String
    /// Offset in the file of `chunk`.
    private var offset: Int
    /// Bytes that are not looked at yet.
    private var chunk: ArraySlice<UInt8> = []
    /// A line feed follows `chunk`.
    private var isAtLineEnd = false

    private static let chunkLength = 64 << 10
    private static let newline = UInt8(ascii: "\n")

    init(_ directory: AuditDirectory, _ descriptor: Int32, _ name: String, end: Int) {
        self.directory = directory
        self.descriptor = descriptor
        self.name = name
        offset = end
    }

    mutating func next() throws(AuditFault) -> ArraySlice<UInt8>? {
        while true {
            if let newline = chunk.lastIndex(of: Self.newline) {
                let line = chunk[(newline + 1)...]
                chunk = chunk[..<newline]
                if isAtLineEnd { return line }
                isAtLineEnd = true
            } else if offset == 0 {
                guard isAtLineEnd, !chunk.isEmpty else { return nil }
                defer { chunk = [] }
                return chunk
            } else {
                // A line that is longer is none of a log's.
                if chunk.count > Self.chunkLength { (chunk, isAtLineEnd) = ([], false) }
                let length = min(Self.chunkLength, offset)
                offset -= length
                chunk = (try directory.read(descriptor, name, from: offset, count: length) + chunk)[...]
            }
        }
    }

    /// Leaves out what lies behind a position, as far as that can be told without reading it. Called first.
    mutating func seek(to position: AuditPosition) throws(AuditFault) {
        guard position != .end else { return }
        // Records that begin before `low` are of interest, those behind `high` are not.
        var (low, high) = (0, offset)
        while high - low > 2 * Self.chunkLength {
            let middle = low + (high - low) / 2
            let piece = try directory.read(descriptor, name, from: middle, count: Self.chunkLength)
            guard let begin = piece.firstIndex(of: Self.newline).map({ $0 + 1 }),
                let end = piece[begin...].firstIndex(of: Self.newline),
                let record = AuditRecord(line: piece[begin..<end])
            else { return }
            if position.precedes(record) { high = middle + begin } else { low = middle + begin }
        }
        offset = high
    }
}
