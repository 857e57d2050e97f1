import Testing

@testable import BrokerServer

@Suite(.timeLimit(.minutes(1))) struct CreditWaitersTests {
    /// Adds waiters of these streams and takes them all, in the order that `takeFirst` gives.
    private func order(of streams: [UInt64], mayNotSend: Set<UInt64> = [], removing: Set<UInt64> = []) async -> [UInt64]
    {
        var waiters = CreditWaiters()
        var taken: [UInt64] = []
        for stream in streams {
            // Resumed at once: only its place in the queue matters here.
            await withCheckedContinuation { continuation in
                waiters.add(
                    waiters.makeID(),
                    CreditWaiters.Waiter(stream: stream, needsCredit: true, continuation: continuation)
                )
                continuation.resume()
            }
        }
        for id in removing {
            let first = waiters.remove(id)
            let second = waiters.remove(id)
            #expect(first != nil && second == nil)
        }
        while let waiter = waiters.takeFirst(where: { !mayNotSend.contains($0.stream) }) { taken.append(waiter.stream) }
        #expect(waiters.isEmpty == mayNotSend.isDisjoint(with: streams))
        return taken
    }

    @Test func firstComeFirstServed() async {
        #expect(await order(of: [3, 1, 2, 1]) == [3, 1, 2, 1])
    }

    @Test func thoseWithoutCreditArePassedOver() async {
        #expect(await order(of: [3, 1, 2, 1], mayNotSend: [1]) == [3, 2])
    }

    @Test func thoseThatLeftAreSkipped() async {
        #expect(await order(of: Array(1...100), removing: Set(1...98)) == [99, 100])
    }
}
