package import AgentBackend
internal import Glibc
internal import NIOPosix
internal import Synchronization

/// Writes one JSON line per operation to a descriptor, from a thread of its own: who records an operation never waits
/// for the reader of the log. Lines beyond the bound are dropped and counted in the log itself.
package final class OperationsLog: OperationsLogger {
    /// Nil: nothing is logged unless an entry asks for it.
    let mode: OperationsLogMode?
    private let descriptor: Int32
    private let wallClock: @Sendable () -> Int64
    private let writer = NIOThreadPool(numberOfThreads: 1)
    private let pending = Mutex(Pending())

    /// Bytes of lines that wait to be written.
    private static let maximumPending = 4 << 20

    private struct Pending {
        var lines: [UInt8] = []
        var dropped: UInt64 = 0
        var isWriting = false
    }

    /// `descriptor` stays the caller's.
    package init(
        mode: OperationsLogMode?,
        descriptor: Int32,
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.mode = mode
        self.descriptor = descriptor
        self.wallClock = wallClock
        writer.start()
    }

    package func record(_ record: OperationRecord) {
        let line = OperationLine(record, at: wallClock()).bytes
        let begins = pending.withLock { pending in
            guard pending.lines.count + line.count <= Self.maximumPending else {
                pending.dropped += 1
                return false
            }
            pending.lines += line
            defer { pending.isWriting = true }
            return !pending.isWriting
        }
        if begins { writer.submit { _ in self.writePending() } }
    }

    /// What was recorded is written first.
    package func shutdown() async {
        // Fails only where it is shut down already.
        try? await writer.shutdownGracefully()
    }

    private func writePending() {
        while true {
            let lines = pending.withLock { pending -> [UInt8] in
                if pending.dropped > 0 {
                    pending.lines += OperationLine(dropped: pending.dropped, at: wallClock()).bytes
                    pending.dropped = 0
                }
                pending.isWriting = !pending.lines.isEmpty
                defer { pending.lines = [] }
                return pending.lines
            }
            guard !lines.isEmpty else { return }
            write(lines)
        }
    }

    private func write(_ lines: [UInt8]) {
        var written = 0
        while written < lines.count {
            let count = lines.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            // A log that cannot be written is no reason to stop working.
            guard count > 0 else { return }
            written += count
        }
    }
}

/// The operations logger of one entry: knows whose operations they are.
struct EntryLog: Sendable {
    private let log: OperationsLog
    private let org: String
    private let key: String
    let mode: OperationsLogMode?

    init(_ log: OperationsLog, org: String, key: String, mode: OperationsLogMode?) {
        self.log = log
        self.org = org
        self.key = key
        self.mode = mode ?? log.mode
    }

    /// Whether such an operation is logged at all. Asked before anything is measured for it.
    func records(isModifying: Bool) -> Bool {
        switch mode {
        case nil: false
        case .standard: isModifying
        case .verbose: true
        }
    }

    func record(_ record: OperationRecord) {
        var record = record
        record.org = org
        record.key = key
        log.record(record)
    }
}
