/// When a log's file is full, when its chain is to be signed, and when what was written goes to the disk. A value without
/// clock or files: its driver tells it what was done, and the time.
struct JournalPlan: Sendable {
    private(set) var fileBytes = 0
    /// Of the present file; wall clock, for it may be older than the process.
    private var fileBegan: Int64 = 0
    private var unsigned = 0
    private var unsignedSince: Duration?
    private var unsyncedSince: Duration?
    /// Signing, or the disk, failed: not again before then.
    private var retryAt: Duration?

    private static let pause = Duration.seconds(1)

    /// A file with so much in it is the present one.
    mutating func opened(fileBytes: Int, began: Int64) {
        self.fileBytes = fileBytes
        fileBegan = began
    }

    /// Records that nobody has signed, as far as is known.
    mutating func foundUnsigned(at now: AuditTime) {
        unsigned += 1
        unsignedSince = unsignedSince ?? now.elapsed
    }

    mutating func appended(bytes: Int, records: Int, at now: AuditTime) {
        fileBytes += bytes
        unsigned += records
        if records > 0 { unsignedSince = unsignedSince ?? now.elapsed }
        unsyncedSince = unsyncedSince ?? now.elapsed
    }

    mutating func signed() {
        unsigned = 0
        unsignedSince = nil
    }

    mutating func synced() { unsyncedSince = nil }

    mutating func failed(at now: AuditTime) { retryAt = now.elapsed + Self.pause }

    var hasUnsigned: Bool { unsigned > 0 }
    /// Nothing is left to be done for what was written.
    var isSettled: Bool { unsigned == 0 && unsyncedSince == nil }

    /// Whether the next record, so many bytes with what waits to be written, goes into another file.
    func needsFile(for bytes: Int, _ settings: AuditSettings, at now: AuditTime) -> Bool {
        fileBytes + bytes > settings.maximumFileBytes
            || now.wall.saturatingSubtraction(fileBegan) > Int64(clamping: settings.maximumFileAge.components.seconds)
                * 1_000_000_000
    }

    func needsHead(_ settings: AuditSettings, at now: AuditTime) -> Bool {
        unsigned >= settings.recordsPerHead || isDue(headDue(settings), at: now)
    }

    func needsSync(_ settings: AuditSettings, at now: AuditTime) -> Bool { isDue(syncDue(settings), at: now) }

    /// When something has to be done though no record comes. Nil: never.
    func nextDue(_ settings: AuditSettings) -> Duration? {
        guard let due = [headDue(settings), syncDue(settings)].compactMap({ $0 }).min() else { return nil }
        return max(due, retryAt ?? due)
    }

    private func isDue(_ due: Duration?, at now: AuditTime) -> Bool {
        due.map { max($0, retryAt ?? $0) <= now.elapsed } ?? false
    }

    private func headDue(_ settings: AuditSettings) -> Duration? { unsignedSince.map { $0 + settings.timePerHead } }

    private func syncDue(_ settings: AuditSettings) -> Duration? {
        settings.sync == .interval ? unsyncedSince.map { $0 + settings.syncInterval } : nil
    }
}
