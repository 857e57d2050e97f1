import Testing

@testable import BrokerServer

@Suite struct BusyPollTests {
    private static let limit: UInt64 = 100_000

    /// A loop that serves peers, with a clock that stands still but for what is said.
    private final class Loop {
        var machine = BusyPoll()
        var now: UInt64 = 1_000_000
        private let limit: UInt64

        init(limit: UInt64 = BusyPollTests.limit) {
            self.limit = limit
        }

        /// A request arrives and is answered; true: the loop asks for the next one.
        func serve(_ peer: UInt64 = 1, after nanoseconds: UInt64 = 50_000) -> Bool {
            now += nanoseconds
            machine.heard(from: peer, limit: limit, at: now)
            now += 1000
            return machine.answered(peer, limit: limit, at: now)
        }

        func ask(isReady: Bool = false, after nanoseconds: UInt64 = 1000) -> Bool {
            now += nanoseconds
            return machine.asked(isReady: isReady, limit: limit, at: now)
        }

        /// Quick requests until the loop asks: how many it took, of `most`.
        func requestsUntilItAsks(most: Int = 10_000) -> Int? {
            for count in 1...most where serve() { return count }
            return nil
        }

        func askInVain() {
            while ask() {}
        }
    }

    @Test func asksAfterARowOfQuickRequestsOfOnePeer() {
        let loop = Loop()
        // The first has no answer before it.
        for _ in 0...7 { #expect(!loop.serve()) }
        #expect(loop.serve())
        #expect(loop.ask())
        #expect(!loop.ask(isReady: true))
        #expect(loop.serve())
    }

    @Test func aSlowRequestEndsTheRow() {
        let loop = Loop()
        for _ in 0...7 { _ = loop.serve() }
        #expect(!loop.serve(after: Self.limit + 100_001))
        for _ in 0..<7 { #expect(!loop.serve()) }
        #expect(loop.serve())
    }

    @Test func doesNotAskWhereTheLoopWakesAtOnce() {
        let loop = Loop()
        for _ in 0..<1000 { #expect(!loop.serve(after: 10_000)) }
    }

    @Test func goesOnAskingWhereThatIsWhatMakesItQuick() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        for _ in 0..<100 {
            #expect(!loop.ask(isReady: true))
            #expect(loop.serve(after: 5000))
        }
    }

    @Test func anotherPeerEndsTheRow() {
        let loop = Loop()
        for _ in 0...8 { _ = loop.serve() }
        #expect(!loop.serve(2))
        for _ in 0...7 { #expect(!loop.serve()) }
        #expect(loop.serve())
    }

    @Test func twoPeersInTurnAreNeverAskedFor() {
        let loop = Loop()
        for _ in 0..<1000 {
            #expect(!loop.serve(1))
            #expect(!loop.serve(2))
        }
    }

    @Test func otherWorkEndsTheRow() {
        let loop = Loop()
        for _ in 0...8 { _ = loop.serve() }
        loop.machine.breakRow()
        #expect(!loop.serve())
        #expect(loop.requestsUntilItAsks() == 8)
    }

    @Test func asksNoLongerThanTheLimit() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        let start = loop.now
        loop.askInVain()
        #expect(loop.now - start == Self.limit)
    }

    @Test func givesWayToWhoeverElseWantsTheProcessor() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        #expect(loop.ask())
        #expect(!loop.ask(after: 30_000))
        #expect(loop.machine.neededRequests == 16)
    }

    @Test func whatComesWhileSomebodyElseHadTheProcessorIsNoSuccess() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        #expect(!loop.ask(isReady: true, after: 30_000))
        #expect(loop.machine.neededRequests == 16)
    }

    @Test func isNotAskedForOnceAnotherPeerWasHeardOf() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        _ = loop.serve(2)
        #expect(!loop.ask())
        // Nor was that in vain.
        #expect(loop.machine.neededRequests == 8)
    }

    @Test func whoWasNotHeardOfLastIsNotAskedFor() {
        let loop = Loop()
        _ = loop.requestsUntilItAsks()
        let asks = loop.machine.answered(2, limit: Self.limit, at: loop.now)
        #expect(!asks)
    }

    @Test func asksForATimeThatIsShorterThanAWakeUp() {
        let loop = Loop(limit: 5000)
        #expect(loop.requestsUntilItAsks() == 9)
    }

    @Test func asksTheMoreRarelyTheMoreOftenItWasInVain() {
        let loop = Loop()
        var waits: [Int?] = []
        for _ in 0..<12 {
            waits.append(loop.requestsUntilItAsks())
            loop.askInVain()
        }
        // What comes after it was asked in vain counts as quick, too: the peer may be as quick as that.
        #expect(waits == [9, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096])
    }

    @Test func asksAsBeforeOnceItPays() {
        let loop = Loop()
        for _ in 0..<3 {
            _ = loop.requestsUntilItAsks()
            loop.askInVain()
        }
        #expect(loop.machine.neededRequests == 64)
        _ = loop.requestsUntilItAsks()
        for needed in [32, 16, 8, 8] {
            #expect(!loop.ask(isReady: true))
            #expect(loop.machine.neededRequests == needed)
            #expect(loop.serve())
        }
    }

    @Test func neverAsksWithoutALimit() {
        let loop = Loop(limit: 0)
        #expect(loop.requestsUntilItAsks(most: 1000) == nil)
    }
}
