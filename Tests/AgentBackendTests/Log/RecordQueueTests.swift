import Testing

@testable import AgentBackend

@Suite struct RecordQueueTests {
    @Test func theFirstRecordStartsTheWriterAndLaterOnesWakeIt() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: 100_000)
        #expect(queue.add(Self.record("a")) == .startWriter)
        #expect(queue.add(Self.record("b")) == .nothing)
        let batch = Self.batch(queue.next())
        #expect(batch?.records.map(\.subject) == ["a", "b"])
        #expect(queue.add(Self.record("c")) == .nothing)
        Self.finish(&queue, batch)
        Self.finish(&queue, Self.batch(queue.next()))
        #expect(Self.batch(queue.next()) == nil)
        #expect(queue.add(Self.record("d")) == .wakeWriter)
        #expect(Self.batch(queue.next())?.records.map(\.subject) == ["d"])
    }

    @Test func whatDoesNotFitIsCountedWhereItIsMissing() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: Self.record("a").footprint * 2)
        for subject in ["a", "b", "c", "d"] { _ = queue.add(Self.record(subject)) }
        #expect(queue.statistics.dropped == 2)
        let batch = Self.batch(queue.next())
        #expect(batch?.records.count == 2)
        #expect(batch?.missingBefore == 0)
        #expect(batch?.missingAfter == 2)
        Self.finish(&queue, batch)
        // There is room again, and nothing more to tell.
        #expect(queue.add(Self.record("e")) == .nothing)
        #expect(Self.batch(queue.next())?.missingAfter == 0)
    }

    @Test func whatWasNotWrittenIsToldWithTheNextRecordAndNotBefore() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: 100_000)
        _ = queue.add(Self.record("a"))
        let first = Self.batch(queue.next())
        if let first { _ = queue.finished(first, lost: 1, untold: 5) }
        #expect(queue.statistics == Self.statistics(written: 0, dropped: 1))
        #expect(Self.batch(queue.next()) == nil)
        #expect(queue.add(Self.record("b")) == .wakeWriter)
        #expect(Self.batch(queue.next())?.missingBefore == 6)
    }

    @Test func closingWritesTheRestOnceAndEnds() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: 100_000)
        _ = queue.add(Self.record("a"))
        let first = Self.batch(queue.next())
        if let first { _ = queue.finished(first, lost: 1, untold: 0) }
        _ = queue.add(Self.record("b"))
        #expect(queue.close().wakesWriter == false)
        #expect(queue.add(Self.record("c")) == .nothing)
        let last = Self.batch(queue.next())
        #expect(last?.records.map(\.subject) == ["b"])
        #expect(last?.missingBefore == 1)
        #expect(last?.missingAfter == 1)
        // Nothing of it could be written: that is not tried for ever.
        if let last { _ = queue.finished(last, lost: 1, untold: 2) }
        guard case .end = queue.next() else { return #expect(Bool(false), "the writer ends") }
        #expect(queue.statistics == Self.statistics(written: 0, dropped: 3))
    }

    @Test func anIdleWriterIsWokenToEnd() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: 100_000)
        _ = queue.add(Self.record("a"))
        Self.finish(&queue, Self.batch(queue.next()))
        guard case .wait = queue.next() else { return #expect(Bool(false), "the writer waits") }
        #expect(queue.close().wakesWriter)
        guard case .end = queue.next() else { return #expect(Bool(false), "the writer ends") }
    }

    @Test func aWriterThatGathersIsWokenByManyRecordsAndBySomebodyWhoWaitsOnly() {
        let record = Self.record("a")
        var queue = RecordQueue<OperationRecord>(maximumBytes: record.footprint * 6)
        _ = queue.add(record)
        Self.finish(&queue, Self.batch(queue.next()))
        var gathers = queue.beginGathering()
        #expect(gathers)
        #expect(queue.add(record) == .nothing)
        #expect(queue.add(record) == .nothing)
        #expect(queue.add(record) == .wakeWriter)
        var isWoken = queue.endGathering()
        #expect(!isWoken)
        Self.finish(&queue, Self.batch(queue.next()))
        _ = queue.beginGathering()
        isWoken = queue.endGathering()
        #expect(isWoken)
        guard case .wait = queue.next() else { return #expect(Bool(false), "the writer waits") }
        #expect(queue.add(record) == .wakeWriter)
        Self.finish(&queue, Self.batch(queue.next()))
        _ = queue.beginGathering()
        #expect(queue.close().wakesWriter)
        gathers = queue.beginGathering()
        #expect(!gathers)
    }

    @Test func aWriterThatCouldNotStartIsTriedAgain() {
        var queue = RecordQueue<OperationRecord>(maximumBytes: 100_000)
        #expect(queue.add(Self.record("a")) == .startWriter)
        _ = queue.startFailed()
        #expect(queue.add(Self.record("b")) == .startWriter)
        #expect(Self.batch(queue.next())?.records.count == 2)
    }

    private static func record(_ subject: String) -> OperationRecord {
        OperationRecord(operation: "write", subject: subject, time: 0)
    }

    private static func batch(_ next: RecordQueue<OperationRecord>.Next) -> RecordBatch<OperationRecord>? {
        if case .write(let batch) = next { batch } else { nil }
    }

    private static func finish(_ queue: inout RecordQueue<OperationRecord>, _ batch: RecordBatch<OperationRecord>?) {
        if let batch { _ = queue.finished(batch, lost: 0, untold: 0) }
    }

    private static func statistics(written: UInt64, dropped: UInt64) -> OperationsLogStatistics {
        var statistics = OperationsLogStatistics()
        statistics.written = written
        statistics.dropped = dropped
        return statistics
    }
}
