internal import Glibc

/// A line per operation, for people: `[AgentBackend] exec: pip install -r requirements.txt`.
///
/// Written on a thread of its own, which begins with the first record. Where the lines are not taken fast enough, some
/// are left out, with a line that says how many. Safe to use from any thread.
public final class ConsoleOperationsLogger: OperationsLogger {
    private let writer: LogWriter<OperationRecord>

    /// To standard error.
    public init() {
        writer = LogWriter(OperationLine.console, to: STDERR_FILENO)
    }

    /// To whoever wants them: `print` is called with one line at a time, without its line feed, on the logger's thread.
    public init(print: @escaping @Sendable (String) -> Void) {
        writer = LogWriter(
            sink: EachRecordSink(
                take: { print(OperationLine.console($0)) },
                miss: { print(OperationLine.console(missing: $0)) }
            )
        )
    }

    public func record(_ record: OperationRecord) {
        writer.record(record)
    }

    public var statistics: OperationsLogStatistics { writer.statistics }

    /// Waits until all that was recorded before is written. False: not within this time, or the task was cancelled.
    @discardableResult
    public func flush(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.flush(within: timeout)
    }

    /// Writes what was recorded and takes no more. False: not all was written within this time. Idempotent.
    @discardableResult
    public func close(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.close(within: timeout)
    }
}
