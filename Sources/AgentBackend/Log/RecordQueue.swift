/// What goes into a log: lines of text come of it.
package protocol LogRecord: Sendable {
    /// About what it takes in memory; bytes.
    var footprint: Int { get }
}

/// Records between those who make them and who writes or sends them: bounded, and what does not fit is counted.
package struct RecordQueue<Record: LogRecord> {
    /// What whoever added a record does next.
    package enum Addition {
        case nothing
        case wakeWriter
        case startWriter
    }

    /// What the writer does next.
    package enum Next {
        case write(RecordBatch<Record>)
        case wait
        case end
    }

    package typealias Wait = CheckedContinuation<Bool, Never>

    private enum Writer {
        case notStarted
        case working
        /// For a moment, after a batch.
        case gathering
        case idle
        case ended
    }

    private let maximumBytes: Int
    /// That end a moment of gathering.
    private let manyBytes: Int
    private var records: [Record] = []
    private var bytes = 0
    /// Records that did not fit since the last batch.
    private var unfit: UInt64 = 0
    /// Records that could not be written, which the log does not say yet.
    private var unwritten: UInt64 = 0
    private var writer = Writer.notStarted
    private var isClosed = false
    private var taken: UInt64 = 0
    private var handled: UInt64 = 0
    /// Those who wait until so many records are handled, or the writer has ended.
    private var waits: [UInt64: (target: UInt64, wait: Wait)] = [:]
    private var nextWait: UInt64 = 0
    private(set) var statistics = OperationsLogStatistics()

    /// `maximumBytes`: of the records that wait. As much again may be on its way to the log.
    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        manyBytes = min(maximumBytes / 2, 64 << 10)
    }

    // MARK: Records

    package mutating func add(_ record: Record) -> Addition {
        let footprint = record.footprint
        guard !isClosed, bytes + footprint <= maximumBytes else {
            unfit += 1
            statistics.dropped += 1
            return .nothing
        }
        records.append(record)
        bytes += footprint
        taken += 1
        switch writer {
        case .notStarted:
            writer = .working
            return .startWriter
        case .gathering where bytes < manyBytes:
            return .nothing
        case .idle, .gathering:
            writer = .working
            return .wakeWriter
        case .working, .ended:
            return .nothing
        }
    }

    /// There is no thread for a writer: the next record tries again.
    mutating func startFailed() -> [Wait] {
        writer = .notStarted
        return isClosed ? end() : []
    }

    package mutating func next() -> Next {
        // Nobody comes back for what could not be written, but with the next record or at the end.
        guard !records.isEmpty || unfit > 0 || (isClosed && unwritten > 0) else {
            writer = isClosed ? .ended : .idle
            return isClosed ? .end : .wait
        }
        writer = .working
        let batch = RecordBatch(missingBefore: unwritten, records: records, missingAfter: unfit)
        records = []
        bytes = 0
        unwritten = 0
        unfit = 0
        return .write(batch)
    }

    /// `lost`: records of the batch that were not written; `untold`: missing ones of which the log does not say so.
    mutating func finished(_ batch: RecordBatch<Record>, lost: Int, untold: UInt64) -> [Wait] {
        handled += UInt64(batch.records.count)
        statistics.written += UInt64(batch.records.count - lost)
        statistics.dropped += UInt64(lost)
        // At the end nobody will be told.
        if !isClosed { unwritten += UInt64(lost) + untold }
        return takeWaits(upTo: handled)
    }

    // MARK: Gathering

    /// The writer may rest for a moment after a batch, while no record wakes it: to wake it for each costs more than to
    /// write it. False: it goes on, as somebody waits for it, or there is much to do.
    mutating func beginGathering() -> Bool {
        guard !isClosed, waits.isEmpty, bytes < manyBytes else { return false }
        writer = .gathering
        return true
    }

    /// Returns whether the writer has to be woken.
    mutating func endGathering() -> Bool {
        guard case .gathering = writer else { return false }
        writer = .working
        return true
    }

    // MARK: The end

    /// No record is taken from now on. Returns whether the writer has to be woken, and who need wait no longer.
    package mutating func close() -> (wakesWriter: Bool, ended: [Wait]) {
        isClosed = true
        switch writer {
        case .notStarted: return (false, end())
        case .idle, .gathering:
            writer = .working
            return (true, [])
        case .working, .ended: return (false, [])
        }
    }

    /// The writer will do nothing more, or there never was one.
    mutating func end() -> [Wait] {
        writer = .ended
        statistics.dropped += UInt64(records.count)
        records = []
        return takeWaits(upTo: Self.endTarget)
    }

    // MARK: Waiting

    /// For all records that were taken so far.
    var flushTarget: UInt64 { taken }

    /// For the end of the writer.
    static var endTarget: UInt64 { .max }

    mutating func makeWait() -> UInt64 {
        defer { nextWait += 1 }
        return nextWait
    }

    /// Returns whether there is nothing to wait for.
    mutating func add(_ wait: Wait, id: UInt64, target: UInt64) -> Bool {
        guard target > handled, !hasEnded else { return true }
        waits[id] = (target, wait)
        return false
    }

    mutating func removeWait(_ id: UInt64) -> Wait? {
        waits.removeValue(forKey: id)?.wait
    }

    private var hasEnded: Bool {
        if case .ended = writer { true } else { false }
    }

    private mutating func takeWaits(upTo target: UInt64) -> [Wait] {
        let reached = waits.filter { $0.value.target <= target }
        for id in reached.keys { waits[id] = nil }
        return reached.values.map(\.wait)
    }
}

/// Records that are written together.
package struct RecordBatch<Record: LogRecord> {
    /// Records that went missing before these.
    package var missingBefore: UInt64 = 0
    package var records: [Record] = []
    /// Records that went missing after these.
    package var missingAfter: UInt64 = 0
}

/// What became of the records that a logger was given.
public struct OperationsLogStatistics: Sendable, Hashable {
    public var written: UInt64 = 0
    /// They came faster than they could be written, or could not be written at all.
    public var dropped: UInt64 = 0
}
