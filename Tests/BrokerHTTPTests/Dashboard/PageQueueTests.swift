import BrokerServer
import ModelContextProtocol
import NIOCore
import Testing

@testable import BrokerHTTP

/// A page that reads slowly makes nothing grow.
@Suite struct PageQueueTests {
    private func operation(_ number: Int) -> ByteBuffer { ByteBuffer(string: "operation \(number)\n") }

    @Test func theLatestOverviewTakesThePlaceOfTheOneBefore() {
        var queue = PageQueue()
        #expect(queue.isEmpty)
        for number in 0..<1000 { queue.offer(overview: ByteBuffer(string: "overview \(number)")) }
        #expect(String(buffer: queue.take()) == "overview 999")
        #expect(queue.isEmpty)
        #expect(queue.take().readableBytes == 0)
    }

    @Test func operationsThatAreTooManyAreCountedAndTheLastAreKept() {
        var queue = PageQueue()
        for number in 0..<(PageQueue.maximumOperations + 50) { queue.offer(operation: operation(number)) }
        queue.miss(3)
        let text = String(buffer: queue.take())
        #expect(text.hasPrefix("event: missed\ndata: {\"count\":53}\n\noperation 50\n"))
        #expect(text.hasSuffix("operation \(PageQueue.maximumOperations + 49)\n"))
    }

    @Test func whyThereIsNoOverviewIsToldUntilThereIsOne() {
        var queue = PageQueue()
        for number in 0..<10 { queue.offer(trouble: ByteBuffer(string: "trouble \(number)")) }
        #expect(!queue.isEmpty)
        #expect(String(buffer: queue.take()) == "trouble 9")
        queue.offer(overview: ByteBuffer(string: "overview 1 "))
        queue.offer(trouble: ByteBuffer(string: "trouble"))
        #expect(String(buffer: queue.take()) == "overview 1 trouble")
        queue.offer(trouble: ByteBuffer(string: "trouble"))
        queue.offer(overview: ByteBuffer(string: "overview 2"))
        #expect(String(buffer: queue.take()) == "overview 2")
        #expect(queue.isEmpty)
    }

    @Test func aGreetingComesFirstAndOnce() {
        var queue = PageQueue(greeting: ByteBuffer(string: "history\n"))
        queue.offer(overview: ByteBuffer(string: "overview"))
        queue.offer(operation: operation(1))
        #expect(String(buffer: queue.take()) == "history\noperation 1\noverview")
        #expect(queue.isEmpty)
    }

    @Test func historyIsBoundedInSamplesAndInBytes() throws {
        var history = OverviewHistory()
        #expect(history.event == nil)
        for number in 0..<(OverviewHistory.maximumSamples + 5) { history.add(["n": .integer(Int64(number))]) }
        func samples() throws -> [JSONValue] {
            let text = String(buffer: history.event ?? ByteBuffer())
            let data = text.dropFirst("event: history\ndata: ".count).dropLast(2)
            return try JSONParser.parse(ByteBuffer(string: String(data)))["samples"]?.elements ?? []
        }
        #expect(try samples().count == OverviewHistory.maximumSamples)
        #expect(try samples().first?["n"]?.wholeNumber == 5)
        let long = JSONValue.string(String(repeating: "x", count: OverviewHistory.maximumBytes / 2))
        for _ in 0..<5 { history.add(long) }
        #expect(try samples().count == 1)
    }

    @Test func latenciesAreThoseSinceTheLastLook() {
        var (meter, all) = (LatencyMeter(), LatencyHistogram())
        all.record(1_000_000)
        #expect(meter.difference(to: ["acme": all]).isEmpty)
        all.record(5_000_000)
        all.record(5_000_000)
        let difference = meter.difference(to: ["acme": all, "new": LatencyHistogram()])
        #expect(difference["acme"]?.count == 2)
        #expect(difference["new"] == nil)
        #expect(difference["acme"]?.percentile(50) ?? .zero >= .milliseconds(5))
    }

    @Test func nothingComesAfterTheEnd() {
        var queue = PageQueue()
        queue.offer(operation: operation(1))
        queue.end("logged out")
        queue.end("idle")
        queue.offer(operation: operation(2))
        queue.offer(overview: ByteBuffer(string: "overview"))
        queue.miss(1)
        #expect(String(buffer: queue.take()) == "operation 1\nevent: bye\ndata: {\"reason\":\"logged out\"}\n\n")
        #expect(queue.isEmpty && queue.isOver)
    }
}
