import Testing

@testable import BrokerWire

@Suite struct KeepaliveTests {
    @Test func silenceIsAskedAboutAndThenIsTheEnd() {
        var keepalive = Keepalive(maximumMisses: 2)
        var actions = [keepalive.intervalPassed(), keepalive.intervalPassed()]
        keepalive.heard()
        for _ in 1...4 { actions.append(keepalive.intervalPassed()) }
        #expect(
            actions == [.ping(nonce: 1), .ping(nonce: 2), .wait, .ping(nonce: 3), .ping(nonce: 4), .giveUp]
        )
    }

    @Test func aPeerThatSpeaksIsNotAsked() {
        var keepalive = Keepalive(maximumMisses: 0)
        for _ in 1...3 {
            keepalive.heard()
            let action = keepalive.intervalPassed()
            #expect(action == .wait)
        }
    }

    @Test func aPeerThatClosedItsSideIsNeverGivenUp() {
        var keepalive = Keepalive(maximumMisses: 1)
        keepalive.expectNoAnswers()
        var actions = [keepalive.ping()]
        for _ in 1...3 { actions.append(keepalive.intervalPassed()) }
        #expect(actions == (1...4).map { .ping(nonce: $0) })
    }
}
