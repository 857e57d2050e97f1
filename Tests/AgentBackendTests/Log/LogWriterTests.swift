import Glibc
import Synchronization
import Testing

@testable import AgentBackend

/// Loggers that write on a thread of their own. None may fail or hold up who records.
@Suite struct LogWriterTests {
    @Test func theConsoleTakesALinePerOperation() async {
        let lines = Mutex<[String]>([])
        let logger = ConsoleOperationsLogger { line in lines.withLock { $0.append(line) } }
        logger.record(OperationRecord(operation: "exec", subject: "make"))
        logger.record(OperationRecord(operation: "rm", subject: "x", failure: .cancelled))
        #expect(await logger.flush(within: .seconds(60)))
        #expect(lines.withLock { $0 } == ["[AgentBackend] exec: make", "[AgentBackend] rm: x (CANCELLED)"])
        logger.record(OperationRecord(operation: "exec", subject: "last"))
        #expect(await logger.close(within: .seconds(60)))
        #expect(lines.withLock { $0.last } == "[AgentBackend] exec: last")
        logger.record(OperationRecord(operation: "exec", subject: "late"))
        #expect(await logger.close(within: .seconds(60)))
        #expect(lines.withLock { $0.count } == 3)
        #expect(logger.statistics.written == 3)
        #expect(logger.statistics.dropped == 1)
    }

    @Test func aLoggerThatWasNeverUsedHasNothingToWaitFor() async {
        let logger = ConsoleOperationsLogger()
        #expect(await logger.flush(within: .seconds(60)))
        #expect(await logger.close(within: .seconds(60)))
    }

    @Test func aPipeThatNobodyReadsHoldsUpNobody() async {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        let writer = LogWriter(OperationLine.json, to: writing, maximumPending: 100_000)
        let subject = String(repeating: "x", count: 500)
        for _ in 0..<5000 { writer.record(OperationRecord(operation: "write", subject: subject)) }
        #expect(writer.statistics.dropped > 0)
        #expect(await !writer.flush(within: .zero))

        // Once somebody reads, it goes on, and says where something is missing.
        async let text = Self.readToTheEnd(of: reading)
        #expect(await writer.close(within: .seconds(60)))
        close(writing)
        let lines = await subjects(in: text)
        let missing = lines.compactMap { line in UInt64(line?.split(separator: "missing ").first ?? "") }
        #expect(missing.reduce(0, +) == writer.statistics.dropped)
        #expect(lines.count { $0 == subject } == Int(writer.statistics.written))
        #expect(writer.statistics.written + writer.statistics.dropped == 5000)
        close(reading)
    }

    @Test func aLineThatCameHalfIsFollowedByOneOnItsOwn() throws {
        let pipe = TestPipe()
        let patience = SinkPatience(wakeUp: try WakeUp()) { true }
        var output = DescriptorOutput(pipe.writing)
        var lines = TextLines()
        // None of them ends where the pipe is full.
        for _ in 0..<300 { lines.append(Array(repeating: UInt8(ascii: "x"), count: 999) + [UInt8(ascii: "\n")]) }
        let written = output.write(lines, patience)
        #expect(0 < written && written < 300)
        var taken = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(pipe.reading, &taken, taken.count)
        #expect(written * 1000 < count && count < (written + 1) * 1000)

        var last = TextLines()
        last.append(Array("last\n".utf8))
        #expect(output.write(last, patience) == 1)
        let rest = read(pipe.reading, &taken, taken.count)
        #expect(String(decoding: taken[..<max(0, rest)], as: UTF8.self) == "\nlast\n")
        #expect(output.write(last, patience) == 1)
        #expect(read(pipe.reading, &taken, taken.count) == 5)
    }

    @Test func closingGivesUpOnAPipeThatNobodyReads() async {
        let pipe = TestPipe()
        let token = Token()
        do {
            let writer = LogWriter(
                sink: TokenSink(
                    inner: LineSink(OperationLine.json, to: DescriptorOutput(pipe.writing)),
                    token: token.hold()
                )
            )
            for _ in 0..<5000 { writer.record(OperationRecord(operation: "write", subject: "x")) }
            #expect(await !writer.close(within: .zero))
        }
        // The thread has ended, although the pipe is full.
        await token.released()
    }

    @Test func aWaitEndsWithItsTask() async {
        let pipe = TestPipe()
        let writer = LogWriter(OperationLine.json, to: pipe.writing)
        for _ in 0..<5000 { writer.record(OperationRecord(operation: "write", subject: "x")) }
        let isFlushed = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await writer.flush(within: .seconds(3600)) }
            group.cancelAll()
            return await group.next()
        }
        #expect(isFlushed == false)
        #expect(await !writer.close(within: .zero))
    }

    @Test func aReaderThatGoesAwayEndsNothing() async {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        close(ends[0])
        let writer = LogWriter(OperationLine.json, to: ends[1])
        writer.record(OperationRecord(operation: "write", subject: "x"))
        #expect(await writer.flush(within: .seconds(60)))
        #expect(writer.statistics.dropped == 1)
        #expect(await writer.close(within: .seconds(60)))
        close(ends[1])
    }

    @Test func aLoggerOfYoursMayBlock() async {
        let pipe = TestPipe()
        let slow = BlockingLogger(descriptor: pipe.reading)
        let logger = BufferedOperationsLogger(slow, maximumPendingBytes: 10_000)
        for _ in 0..<1000 { logger.record(OperationRecord(operation: "write")) }
        #expect(logger.statistics.dropped > 0)
        #expect(await !logger.flush(within: .zero))
        // Lets it take each of them.
        let bytes = [UInt8](repeating: 0, count: 1000)
        #expect(write(pipe.writing, bytes, bytes.count) == bytes.count)
        #expect(await logger.close(within: .seconds(60)))
        #expect(slow.taken == logger.statistics.written)
        #expect(logger.statistics.written + logger.statistics.dropped == 1000)
    }

    @Test func theThreadEndsWithTheLogger() async {
        let token = Token()
        do {
            let held = token.hold()
            let logger = ConsoleOperationsLogger { _ in held.touch() }
            logger.record(OperationRecord(operation: "write"))
        }
        await token.released()
    }

    private static func readToTheEnd(of descriptor: Int32) async -> String {
        await withCheckedContinuation { continuation in
            let thread = Result { () throws(BackendError) in
                try DedicatedThread.start(name: "test-reader") { continuation.resume(returning: read(all: descriptor)) }
            }
            if case .failure = thread { continuation.resume(returning: "") }
        }
    }
}

/// Takes a record for each byte that it can read.
private final class BlockingLogger: OperationsLogger {
    private let descriptor: Int32
    private let count = Atomic<UInt64>(0)

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    var taken: UInt64 { count.load(ordering: .relaxed) }

    func record(_ record: OperationRecord) {
        var byte: UInt8 = 0
        _ = read(descriptor, &byte, 1)
        count.add(1, ordering: .relaxed)
    }
}

/// Tells when the last one who held it has let go.
private struct Token {
    final class Held: Sendable {
        private let isReleased: AsyncStream<Void>.Continuation

        init(_ isReleased: AsyncStream<Void>.Continuation) {
            self.isReleased = isReleased
        }

        deinit { isReleased.finish() }

        func touch() {}
    }

    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func hold() -> Held { Held(continuation) }

    func released() async {
        for await _ in stream {}
    }
}

private struct TokenSink<Inner: LogSink>: LogSink {
    var inner: Inner
    let token: Token.Held

    mutating func write(_ batch: RecordBatch<Inner.Record>, _ patience: SinkPatience) -> Missed {
        inner.write(batch, patience)
    }

    mutating func close() { inner.close() }
}
