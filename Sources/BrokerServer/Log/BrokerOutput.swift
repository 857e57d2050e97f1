internal import AgentBackend
internal import Glibc
package import Logging

/// What a broker writes to standard error: its own log and that of operations, a line each.
///
/// Written on a thread of its own. Where nobody takes the lines some are left out, and a line says how many: who has
/// something to say waits for no reader, for event loops do. Safe to use from any thread.
package final class BrokerOutput: Sendable {
    private let writer: LogWriter<Line>

    /// `descriptor` stays the caller's. `maximumPending`: bytes of lines that wait, in memory; as much again may be on
    /// its way.
    package init(
        descriptor: Int32 = STDERR_FILENO,
        maximumPending: Int = LogWriter<OperationRecord>.defaultMaximumPending
    ) {
        writer = LogWriter(Format(), to: descriptor, maximumPending: maximumPending)
    }

    /// `TIME LEVEL LABEL: MESSAGE KEY=VALUE…`, with all that is no printable text escaped.
    package func logger(label: String, level: Logger.Level) -> Logger {
        Logger(label: label) { label in Handler(label: label, logLevel: level, writer: writer) }
    }

    func write(_ line: JSONLine) {
        writer.add(.text(String(decoding: line.text, as: UTF8.self)))
    }

    func record(_ operation: OperationRecord) {
        writer.add(.operation(operation.withBoundedSubject().record))
    }

    /// Takes no more lines and writes those it has, unless nobody takes them in time. Idempotent.
    package func close() async {
        _ = await writer.close(within: .seconds(5))
    }

    private enum Line: LogRecord {
        case operation(OperationRecord)
        case text(String)

        var footprint: Int {
            switch self {
            case .operation(let record): record.footprint
            case .text(let text): MemoryLayout<Line>.size + text.utf8.count
            }
        }
    }

    private struct Format: LineFormat {
        func bytes(_ line: Line) -> [UInt8] {
            switch line {
            case .operation(let record): OperationLine.json.bytes(record)
            case .text(let text): Array(text.utf8) + [UInt8(ascii: "\n")]
            }
        }

        func bytes(missing count: UInt64, at time: Int64) -> [UInt8] {
            OperationLine.json.bytes(missing: count, at: time)
        }
    }

    private struct Handler: LogHandler {
        let label: String
        var logLevel: Logger.Level
        let writer: LogWriter<Line>
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var text = "\(OperationLine.timestamp(systemWallClock())) \(event.level) \(label): \(event.message)"
            let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { text += " \(key)=\(value)" }
            if let error = event.error { text += " error=\(error)" }
            writer.add(.text(WorkspacePath.printable(text.utf8)))
        }
    }
}
