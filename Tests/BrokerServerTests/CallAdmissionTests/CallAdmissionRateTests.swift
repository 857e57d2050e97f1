import AgentBackend
import Testing

@testable import BrokerServer

/// Calls and bytes per second.
@Suite struct CallAdmissionRateTests {
    @Test func aSecondsWorthIsThereAtOnce() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 10 }
        #expect(harness.reserve(0, upTo: 64, at: .zero) == 10)
        #expect(harness.reserve(0, upTo: 64, at: .zero) == 0)
        #expect(harness.reserve(0, upTo: 64, at: .milliseconds(300)) == 3)
    }

    @Test func callsWaitForTheirTurnInOrder() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 10 }
        #expect(harness.reserve(0, upTo: 10, at: .zero) == 10)
        let calls = (0..<5).map { _ in harness.waitForRate() }
        for (index, call) in calls.enumerated() {
            harness.advance(to: .milliseconds(100 * (index + 1)) - .nanoseconds(1))
            #expect(harness.isWaiting(call))
            harness.advance(to: .milliseconds(100 * (index + 1)))
            #expect(harness.begun == Array(calls.prefix(index + 1)))
        }
    }

    /// What waits comes before what comes now.
    @Test func nobodyOvertakesThoseThatWait() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 10 }
        _ = harness.reserve(0, upTo: 10, at: .zero)
        let call = harness.waitForRate()
        #expect(harness.reserve(0, upTo: 1, at: .milliseconds(100)) == 0)
        harness.advance(to: .milliseconds(100))
        #expect(harness.begun == [call])
        #expect(harness.reserve(0, upTo: 1, at: .milliseconds(200)) == 1)
    }

    @Test func whatABatchDidNotUseServesThoseThatWait() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 10 }
        _ = harness.reserve(0, upTo: 10, at: .zero)
        let call = harness.waitForRate()
        #expect(harness.settle(0, unused: 4, bytes: 0))
        harness.apply(harness.machine.gaveBack(0, at: .zero))
        #expect(harness.begun == [call])
        #expect(!harness.settle(0, unused: 0, bytes: 0))
        #expect(harness.reserve(0, upTo: 10, at: .zero) == 3)
    }

    @Test func bytesArePaidForAfterwards() {
        let harness = CallAdmissionHarness { $0.bytesPerSecond = 1000 }
        #expect(harness.reserve(0, upTo: 5, at: .zero) == 5)
        _ = harness.settle(0, unused: 0, bytes: 2500)
        #expect(harness.reserve(0, upTo: 5, at: .milliseconds(1499)) == 0)
        let call = harness.waitForRate()
        harness.advance(to: .milliseconds(1500))
        #expect(harness.isWaiting(call))
        harness.advance(to: .milliseconds(1501))
        #expect(harness.begun == [call])
    }

    @Test func aWaitInVainTellsWhenToTryAgain() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 1 }
        _ = harness.reserve(0, upTo: 1, at: .zero)
        let first = harness.waitForRate()
        let second = harness.waitForRate(patience: .milliseconds(400))
        harness.advance(to: .milliseconds(400))
        let error = harness.refusals[second]
        #expect(error?.limit == LimitDetails(name: "org_calls_per_second", used: 1, allowed: 1))
        // The first has the next token, 600 ms from now.
        #expect(error?.retryAfter == .milliseconds(1600))
        harness.advance(to: .seconds(1))
        #expect(harness.begun == [first])
    }

    @Test func aWaitForBytesInVainNamesThem() {
        let harness = CallAdmissionHarness { $0.bytesPerSecond = 1000 }
        _ = harness.settle(0, unused: 0, bytes: 5000)
        let call = harness.waitForRate(patience: .seconds(1))
        harness.advance(to: .seconds(1))
        let error = harness.refusals[call]
        #expect(error?.limit == LimitDetails(name: "org_bytes_per_second", used: 1000, allowed: 1000))
        #expect(error.flatMap(\.retryAfter).map { $0 >= .seconds(3) && $0 <= .seconds(3) + .milliseconds(1) } == true)
    }

    @Test func oneOrgsRateIsNoneOfTheOthers() {
        let harness = CallAdmissionHarness(orgCount: 2) { $0.callsPerSecond = 2 }
        _ = harness.reserve(0, upTo: 2, at: .zero)
        harness.waitForRate(org: 0)
        #expect(harness.reserve(1, upTo: 2, at: .zero) == 2)
    }

    /// As long as anybody waits, time is asked for, and not again and again for the same moment.
    @Test func wakeUpsAreFew() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 1000 }
        _ = harness.reserve(0, upTo: 1000, at: .zero)
        for _ in 0..<1000 { harness.waitForRate() }
        #expect(harness.wakeUps.count <= 2)
        for step in 1...1000 {
            harness.advance(to: .milliseconds(step))
            #expect(harness.wakeUps.count <= 2)
        }
        #expect(harness.begun.count == 1000)
    }

    @Test func aHigherRateIsForThoseThatWaitAsWell() {
        let harness = CallAdmissionHarness { $0.callsPerSecond = 1 }
        _ = harness.reserve(0, upTo: 1, at: .zero)
        let calls = (0..<10).map { _ in harness.waitForRate() }
        harness.advance(to: .milliseconds(500))
        var limits = CallAdmissionLimits.wide
        limits.callsPerSecond = 100
        harness.setLimits(limits, of: 0)
        harness.advance(to: .milliseconds(600))
        #expect(harness.begun == calls)
    }
}
