import Testing

@testable import BrokerServer

@Suite struct TrashQueueTests {
    @Test func orgsTakeTurns() {
        let queue = TrashQueue()
        for org in ["a", "b", "a", "c", "b"] { queue.add(org) }
        #expect(queue.next() == "a")
        // Not done in its turn.
        queue.add("a")
        #expect((0..<4).map { _ in queue.next() } == ["b", "c", "a", nil])
    }

    @Test(.timeLimit(.minutes(1))) func whoWaitsIsTold() async {
        let queue = TrashQueue()
        queue.add("a")
        queue.add("b")
        var additions = queue.additions.makeAsyncIterator()
        // Told once of both.
        #expect(await additions.next() != nil)
        queue.close()
        #expect(await additions.next() == nil)
        #expect(queue.next() == "a")
    }
}
