/// Makes lines of records, each with its line feed.
package protocol LineFormat<Record>: Sendable {
    associatedtype Record: LogRecord

    func bytes(_ record: Record) -> [UInt8]
    /// Says that so many records are missing here. `time`: nanoseconds since 1970-01-01 UTC.
    func bytes(missing count: UInt64, at time: Int64) -> [UInt8]
}

/// Writes a line per record.
struct LineSink<Format: LineFormat, Output: LineOutput>: LogSink {
    private let line: Format
    private let wallClock: @Sendable () -> Int64
    private var output: Output

    init(_ line: Format, to output: Output, wallClock: @escaping @Sendable () -> Int64 = systemWallClock) {
        self.line = line
        self.output = output
        self.wallClock = wallClock
    }

    mutating func write(_ batch: RecordBatch<Format.Record>, _ patience: SinkPatience) -> Missed {
        var lines = TextLines()
        if batch.missingBefore > 0 { lines.append(line.bytes(missing: batch.missingBefore, at: wallClock())) }
        for record in batch.records { lines.append(line.bytes(record)) }
        if batch.missingAfter > 0 { lines.append(line.bytes(missing: batch.missingAfter, at: wallClock())) }
        let written = output.write(lines, patience)

        let first = batch.missingBefore > 0 ? 1 : 0
        let recordsWritten = max(0, min(written - first, batch.records.count))
        return Missed(
            records: batch.records.count - recordsWritten,
            notices: (written < first ? batch.missingBefore : 0) + (written < lines.count ? batch.missingAfter : 0)
        )
    }

    mutating func close() {
        output.close()
    }
}

/// Where lines go.
protocol LineOutput: Sendable {
    /// Returns how many of the lines were written, from the first on.
    mutating func write(_ lines: TextLines, _ patience: SinkPatience) -> Int
    mutating func close()
}

/// Lines of text, one behind the other, each with its line feed.
struct TextLines {
    private(set) var bytes: [UInt8] = []
    /// Where each line ends.
    private var ends: [Int] = []

    var count: Int { ends.count }

    mutating func append(_ line: [UInt8]) {
        bytes += line
        ends.append(bytes.count)
    }

    /// Where a line begins; of the number of lines, where the last one ends.
    func start(of line: Int) -> Int {
        line == 0 ? 0 : ends[line - 1]
    }

    /// How many lines from `first` on take up at most so many bytes.
    func count(from first: Int, within room: Int) -> Int {
        let limit = start(of: first) + room
        var (low, high) = (first, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= limit { low = middle + 1 } else { high = middle }
        }
        return low - first
    }

    func part(_ range: Range<Int>) -> TextLines {
        let offset = start(of: range.lowerBound)
        var part = TextLines()
        part.bytes = Array(bytes[offset..<start(of: range.upperBound)])
        part.ends = ends[range].map { $0 - offset }
        return part
    }
}
