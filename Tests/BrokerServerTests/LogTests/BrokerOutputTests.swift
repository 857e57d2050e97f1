import AgentBackend
import Glibc
import Logging
import Testing

@testable import BrokerServer

/// What a broker has to say must cost nobody a wait, and nothing that others cause may look like more than one line.
@Suite(.timeLimit(.minutes(1))) struct BrokerOutputTests {
    @Test func bothLogsAreLinesInTheirOrder() async throws {
        let pipe = try Descriptors()
        let output = BrokerOutput(descriptor: pipe.writing)
        let logger = output.logger(label: "b", level: .notice)
        logger.notice("first", metadata: ["z": "1", "a": "x\ny\u{1b}"])
        logger.info("too little")
        OperationsLog(mode: .standard, output: output).record(OperationRecord(operation: "write", subject: "f"))
        logger.error("last")
        await output.close()
        pipe.closeWriting()
        let lines = pipe.lines()
        try #require(lines.count == 3)
        #expect(lines[0].hasSuffix("Z notice b: first a=x\\x0ay\\x1b z=1"), "\(lines[0])")
        #expect(lines[1].contains("\"subject\":\"f\""))
        #expect(lines[2].hasSuffix("Z error b: last"))
    }

    @Test func whatNobodyReadsIsLeftOutAndCounted() async throws {
        let pipe = try Descriptors()
        let output = BrokerOutput(descriptor: pipe.writing, maximumPending: 10_000)
        let logger = output.logger(label: "b", level: .info)
        let text = String(repeating: "x", count: 500)
        for _ in 0..<1000 { logger.info("\(text)") }
        async let read = pipe.linesToTheEnd()
        await output.close()
        pipe.closeWriting()
        let lines = await read
        let written = lines.count { $0.hasSuffix(text) }
        let dropped = lines.filter { $0.contains("dropped") }.compactMap { line in
            line.split(separator: "\"dropped\":").last.flatMap { Int($0.prefix { $0.isNumber }) }
        }
        #expect(written < 1000)
        #expect(written + dropped.reduce(0, +) == 1000)
    }
}

/// The two ends of a pipe.
private final class Descriptors: @unchecked Sendable {
    let reading: Int32
    private(set) var writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        closeWriting()
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }

    /// To the end, when the other end is closed.
    func lines() -> [String] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while case let count = read(reading, &piece, piece.count), count > 0 { bytes += piece[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// While others write.
    func linesToTheEnd() async -> [String] {
        await withCheckedContinuation { continuation in
            do {
                try DedicatedThread.start(name: "reader") { [self] in continuation.resume(returning: lines()) }
            } catch {
                continuation.resume(returning: [])
            }
        }
    }
}
