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
