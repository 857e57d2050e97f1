import Foundation
import Glibc
import Testing

@testable import AgentBackend

@Suite struct JSONLinesOperationsLoggerTests {
    @Test func writesALinePerOperationAfterWhatIsThere() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            for subject in ["1", "2"] {
                let logger = try JSONLinesOperationsLogger(path: path)
                logger.record(OperationRecord(operation: "write", org: "acme", key: "ci", subject: subject))
                #expect(await logger.close(within: .seconds(60)))
            }
            #expect(subjects(in: try contents(of: path)) == ["1", "2"])
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
    }

    @Test func renamesAFileThatIsFullAndKeepsSoMany() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            let logger = try JSONLinesOperationsLogger(
                .init(path: path, maximumFileBytes: 1000, maximumFiles: 3)
            )
            for number in 0..<100 {
                logger.record(OperationRecord(operation: "write", subject: "\(number)"))
                // Many batches, each of several lines.
                if number % 7 == 0 { #expect(await logger.flush(within: .seconds(60))) }
            }
            #expect(await logger.close(within: .seconds(60)))
            #expect(logger.statistics.written == 100)
            #expect(try Self.names(directory) == ["log", "log.1", "log.2"])
            var kept: [String?] = []
            for name in ["/log.2", "/log.1", "/log"] {
                let text = try contents(of: directory + name)
                #expect(text.utf8.count <= 1000)
                #expect(text.utf8.count > 0)
                kept += subjects(in: text)
            }
            // The last ones, all of them in order.
            #expect(kept == (100 - kept.count..<100).map { "\($0)" })
            #expect(kept.count > 15)
        }
    }

    @Test func oneFileBeginsAnewWhenItIsFull() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            let logger = try JSONLinesOperationsLogger(.init(path: path, maximumFileBytes: 300, maximumFiles: 1))
            for number in 0..<10 { logger.record(OperationRecord(operation: "write", subject: "\(number)")) }
            #expect(await logger.close(within: .seconds(60)))
            #expect(try Self.names(directory) == ["log"])
            #expect(subjects(in: try contents(of: path)).last == "9")
            #expect(try contents(of: path).utf8.count <= 300)
        }
    }

    @Test func aLineThatIsLargerThanAFileHasOneForItself() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            let logger = try JSONLinesOperationsLogger(.init(path: path, maximumFileBytes: 1, maximumFiles: 9))
            for number in 0..<3 { logger.record(OperationRecord(operation: "write", subject: "\(number)")) }
            #expect(await logger.close(within: .seconds(60)))
            #expect(try Self.names(directory) == ["log", "log.1", "log.2"])
            #expect(subjects(in: try contents(of: path + ".1")) == ["1"])
        }
    }

    @Test func aLineThatAnotherLeftUnfinishedStandsAlone() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            try "{\"time\":".write(toFile: path, atomically: false, encoding: .utf8)
            let logger = try JSONLinesOperationsLogger(path: path)
            logger.record(OperationRecord(operation: "write", subject: "1"))
            #expect(await logger.close(within: .seconds(60)))
            #expect(subjects(in: try contents(of: path)) == [nil, "1"])
        }
    }

    @Test func aFileThatWasMovedIsMadeAnew() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            let logger = try JSONLinesOperationsLogger(path: path)
            logger.record(OperationRecord(operation: "write", subject: "1"))
            #expect(await logger.flush(within: .seconds(60)))
            #expect(rename(path, directory + "/moved") == 0)
            logger.record(OperationRecord(operation: "write", subject: "2"))
            #expect(await logger.close(within: .seconds(60)))
            #expect(subjects(in: try contents(of: directory + "/moved")) == ["1"])
            #expect(subjects(in: try contents(of: path)) == ["2"])
        }
    }

    @Test func aDirectoryThatIsGoneCostsRecordsUntilItIsBack() async throws {
        try await withScratchDirectory { directory in
            let inner = directory + "/inner"
            #expect(mkdir(inner, 0o700) == 0)
            let logger = try JSONLinesOperationsLogger(path: inner + "/log")
            logger.record(OperationRecord(operation: "write", subject: "1"))
            #expect(await logger.flush(within: .seconds(60)))
            try FileManager.default.removeItem(atPath: inner)
            for subject in ["2", "3"] {
                logger.record(OperationRecord(operation: "write", subject: subject))
                #expect(await logger.flush(within: .seconds(60)))
            }
            #expect(logger.statistics.written == 1)
            #expect(logger.statistics.dropped == 2)
            #expect(mkdir(inner, 0o700) == 0)
            logger.record(OperationRecord(operation: "write", subject: "4"))
            #expect(await logger.close(within: .seconds(60)))
            #expect(subjects(in: try contents(of: inner + "/log")) == ["missing 2", "4"])
        }
    }

    @Test func whatCannotBeRenamedDoesNotGrow() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            // A file cannot take the place of a directory that is not empty.
            #expect(mkdir(path + ".1", 0o700) == 0)
            #expect(mkdir(path + ".1/x", 0o700) == 0)
            let logger = try JSONLinesOperationsLogger(.init(path: path, maximumFileBytes: 300, maximumFiles: 2))
            for number in 0..<10 { logger.record(OperationRecord(operation: "write", subject: "\(number)")) }
            #expect(await logger.flush(within: .seconds(60)))
            #expect(try contents(of: path).utf8.count <= 300)
            #expect(logger.statistics.dropped > 0)
            #expect(rmdir(path + ".1/x") == 0 && rmdir(path + ".1") == 0)
            logger.record(OperationRecord(operation: "write", subject: "last"))
            #expect(await logger.close(within: .seconds(60)))
            let lines = subjects(in: try contents(of: path))
            #expect(lines == ["missing \(logger.statistics.dropped)", "last"])
        }
    }

    @Test func aFullDiskFailsNobody() async throws {
        let logger = try JSONLinesOperationsLogger(path: "/dev/full")
        for _ in 0..<100 { logger.record(OperationRecord(operation: "write", subject: "x")) }
        #expect(await logger.close(within: .seconds(60)))
        #expect(logger.statistics.written == 0)
        #expect(logger.statistics.dropped == 100)
    }

    @Test func aNamedPipeThatNobodyOpensFailsNobody() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            #expect(mkfifo(path, 0o600) == 0)
            let logger = try JSONLinesOperationsLogger(path: path)
            for _ in 0..<1000 { logger.record(OperationRecord(operation: "write", subject: "x")) }
            #expect(await logger.flush(within: .seconds(60)))
            #expect(logger.statistics.dropped == 1000)

            // From when somebody has opened it, it is written.
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            #expect(reader >= 0)
            logger.record(OperationRecord(operation: "write", subject: "1"))
            #expect(await logger.close(within: .seconds(60)))
            #expect(subjects(in: read(all: reader)) == ["missing 1000", "1"])
            close(reader)
        }
    }

    @Test func aNamedPipeThatNobodyReadsHoldsUpNobody() async throws {
        try await withScratchDirectory { directory in
            let path = directory + "/log"
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            #expect(reader >= 0)
            let logger = try JSONLinesOperationsLogger(.init(path: path, maximumPendingBytes: 100_000))
            let subject = String(repeating: "x", count: 1000)
            for _ in 0..<1000 { logger.record(OperationRecord(operation: "write", subject: subject)) }
            #expect(logger.statistics.dropped > 0)
            #expect(await !logger.close(within: .zero))
            close(reader)
        }
    }

    @Test(arguments: ["/nowhere/at/all/log", "/dev/null/log", "/"])
    func aPlaceThatCannotBeWrittenIsAMistake(_ path: String) {
        let error = #expect(throws: BackendError.self) { try JSONLinesOperationsLogger(path: path) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(path) == true)
    }

    @Test func limitsOfNothingAreAMistake() {
        for configuration in [
            JSONLinesOperationsLogger.Configuration(path: "/dev/null", maximumFileBytes: 0),
            .init(path: "/dev/null", maximumFiles: 0), .init(path: "/dev/null", maximumPendingBytes: 0),
        ] {
            let error = #expect(throws: BackendError.self) { try JSONLinesOperationsLogger(configuration) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    private static func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }
}
