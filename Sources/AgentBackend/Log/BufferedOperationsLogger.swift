/// Hands records to a logger of yours on a thread of its own, so that one that takes its time holds up no operation.
///
/// Records that it does not take fast enough are dropped and counted. The thread begins with the first record and ends
/// with ``close(within:)``, but not before a call of your logger has returned. Safe to use from any thread.
public final class BufferedOperationsLogger: OperationsLogger {
    private let writer: LogWriter<OperationRecord>

    /// `maximumPendingBytes`: of records that wait, in memory; as much again may be on its way.
    public init(_ logger: any OperationsLogger, maximumPendingBytes: Int = 4 << 20) {
        writer = LogWriter(
            sink: EachRecordSink(take: { logger.record($0) }, miss: { _ in }),
            maximumPending: maximumPendingBytes
        )
    }

    public func record(_ record: OperationRecord) {
        writer.record(record)
    }

    public var statistics: OperationsLogStatistics { writer.statistics }

    /// Waits until the logger took all that was recorded before. False: not within this time, or the task was cancelled.
    @discardableResult
    public func flush(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.flush(within: timeout)
    }

    /// Hands on what was recorded and takes no more. False: not within this time. Idempotent.
    @discardableResult
    public func close(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.close(within: timeout)
    }
}
