internal import Glibc

/// A JSON object per operation, a line each, in a file that is renamed when it is full: RFC 8259.
///
/// Members: `time` (RFC 3339, UTC), `org`, `key`, `scope`, `operation`, `subject`, `ok`, `error`, `exit_code`,
/// `duration_us`, `bytes`, `stdout`, `stderr`; those that say nothing are left out. `{"time":…,"dropped":3}` stands
/// where records are missing that came too fast or could not be written.
///
/// Written on a thread of its own, which begins with the first record. A full disk or a directory that was removed costs
/// records and nothing else: it is tried again with the next one. Only its owner can read the file. Safe to use from any
/// thread; one logger per file.
public final class JSONLinesOperationsLogger: OperationsLogger {
    public struct Configuration: Sendable {
        /// The older files are beside it: `.1` is the newest of them. A pipe or a device is written as it is.
        public var path: String
        /// Bytes of one file.
        public var maximumFileBytes: Int
        /// Files that are kept, with the one that is written.
        public var maximumFiles: Int
        /// Bytes of records that wait to be written, in memory; as much again may be on its way.
        public var maximumPendingBytes: Int

        public init(
            path: String,
            maximumFileBytes: Int = 64 << 20,
            maximumFiles: Int = 5,
            maximumPendingBytes: Int = 4 << 20
        ) {
            self.path = path
            self.maximumFileBytes = maximumFileBytes
            self.maximumFiles = maximumFiles
            self.maximumPendingBytes = maximumPendingBytes
        }
    }

    private let writer: LogWriter<OperationRecord>

    /// Throws `INVALID_CONFIGURATION` where the file cannot be written, or a number is less than 1.
    public init(_ configuration: Configuration) throws(BackendError) {
        guard configuration.maximumFileBytes > 0, configuration.maximumFiles > 0, configuration.maximumPendingBytes > 0
        else {
            throw BackendError(
                .invalidConfiguration,
                message: "the operations log needs at least one file and one byte for each of its limits"
            )
        }
        var file = RotatingFile(
            path: configuration.path,
            maximumBytes: configuration.maximumFileBytes,
            maximumFiles: configuration.maximumFiles
        )
        let error = file.check()
        guard error == 0 else {
            throw BackendError(
                .invalidConfiguration,
                systemErrno: error,
                message: "cannot write the operations log \(WorkspacePath.printable(configuration.path.utf8)) "
                    + "(errno \(error)): make its directory, or choose another"
            )
        }
        writer = LogWriter(
            sink: LineSink(OperationLine.json, to: file),
            maximumPending: configuration.maximumPendingBytes
        )
    }

    public convenience init(path: String) throws(BackendError) {
        try self.init(Configuration(path: path))
    }

    public func record(_ record: OperationRecord) {
        writer.record(record)
    }

    public var statistics: OperationsLogStatistics { writer.statistics }

    /// Waits until all that was recorded before is in the file. False: not within this time, or the task was cancelled.
    @discardableResult
    public func flush(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.flush(within: timeout)
    }

    /// Writes what was recorded, takes no more and closes the file. False: not within this time. Idempotent.
    @discardableResult
    public func close(within timeout: Duration = .seconds(5)) async -> Bool {
        await writer.close(within: timeout)
    }
}
