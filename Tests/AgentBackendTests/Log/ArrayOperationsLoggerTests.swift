import Testing

@testable import AgentBackend

@Suite struct ArrayOperationsLoggerTests {
    @Test func isAskedByOperationOutcomeTimeOrgAndKey() {
        let logger = ArrayOperationsLogger()
        logger.record(OperationRecord(operation: "write", org: "a", key: "x", subject: "1", time: 10))
        logger.record(OperationRecord(operation: "exec", org: "a", key: "y", subject: "2", exitCode: 0, time: 20))
        logger.record(OperationRecord(operation: "exec", org: "b", key: "x", subject: "3", exitCode: 2, time: 30))
        logger.record(
            OperationRecord(operation: "write", org: "b", key: "y", subject: "4", failure: .conflict, time: 40)
        )
        func subjects(_ query: OperationsQuery) -> [String] { logger.records(matching: query).map(\.subject) }

        #expect(subjects(OperationsQuery()) == ["1", "2", "3", "4"])
        #expect(subjects(OperationsQuery(operation: "exec")) == ["2", "3"])
        #expect(subjects(OperationsQuery(outcome: .succeeded)) == ["1", "2"])
        #expect(subjects(OperationsQuery(outcome: .failed)) == ["3", "4"])
        #expect(subjects(OperationsQuery(time: 20..<40)) == ["2", "3"])
        #expect(subjects(OperationsQuery(org: "a")) == ["1", "2"])
        #expect(subjects(OperationsQuery(key: "x")) == ["1", "3"])
        #expect(subjects(OperationsQuery(operation: "exec", outcome: .failed, org: "b", key: "x")) == ["3"])
        #expect(subjects(OperationsQuery(operation: "exec", org: "b", key: "y")) == [])
        logger.removeAll()
        #expect(logger.records().isEmpty)
    }

    @Test func keepsTheLastAndCountsTheOthers() {
        let logger = ArrayOperationsLogger(capacity: 3)
        for number in 0..<10 { logger.record(OperationRecord(operation: "write", subject: "\(number)")) }
        #expect(logger.records().map(\.subject) == ["7", "8", "9"])
        #expect(logger.dropped == 7)
        logger.record(OperationRecord(operation: "write", subject: String(repeating: "a", count: 1_000_000)))
        #expect(logger.records().last?.subject.utf8.count == OperationRecord.maximumSubjectLength)
    }

    @Test func takesRecordsFromManyThreads() async {
        let logger = ArrayOperationsLogger(capacity: 10_000)
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 { logger.record(OperationRecord(operation: "write")) }
                }
            }
        }
        #expect(logger.records().count == 8000)
    }

    @Test func fanningOutGivesEachToAll() {
        let loggers = [ArrayOperationsLogger(), ArrayOperationsLogger()]
        let fanOut = FanOutOperationsLogger(loggers)
        fanOut.record(OperationRecord(operation: "write", subject: "1"))
        fanOut.record(OperationRecord(operation: "write", subject: "2"))
        for logger in loggers { #expect(logger.records().map(\.subject) == ["1", "2"]) }
    }
}
