import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite struct InboxStateMachineTests {
    typealias Machine = InboxStateMachine<Int>

    private static let error = BackendError(.readFailed, message: "no")

    private func part(_ count: Int, isLast: Bool = false) -> AnswerPart {
        AnswerPart(reply: nil, payload: ByteBuffer(repeating: 1, count: count), isLast: isLast)
    }

    /// What came of it, in a form that is easy to compare.
    private func text(_ action: Machine.TakeAction) -> String {
        switch action {
        case .part(let part, let credit): "part \(part.payload.readableBytes) \(credit)"
        case .end: "end"
        case .failed(let error): "failed \(error.code)"
        case .wait: "wait"
        }
    }

    private func text(_ action: Machine.ReceiveAction) -> String {
        switch action {
        case .accepted(let reader, let credit): "wakes \(reader.map(String.init) ?? "nobody") \(credit)"
        case .exceededCredit: "exceeded"
        }
    }

    private func opened() -> Machine {
        var inbox = Machine()
        inbox.opened(window: 1000)
        return inbox
    }

    @Test func partsAreTakenInOrderAndThenItEnds() {
        var inbox = opened()
        #expect(text(inbox.received(part(1))) == "wakes nobody 0")
        #expect(text(inbox.received(part(2, isLast: true))) == "wakes nobody 0")
        #expect(!inbox.isFinished)
        #expect(text(inbox.take()) == "part 1 0")
        #expect(text(inbox.take()) == "part 2 0")
        #expect(text(inbox.take()) == "end")
        #expect(inbox.isFinished)
    }

    @Test func aReaderThatWaitsUsesAPartOnItsArrival() {
        var inbox = opened()
        #expect(text(inbox.take()) == "wait")
        #expect(inbox.suspended(7) == .wait)
        #expect(inbox.suspended(8) == .refuse)
        #expect(text(inbox.received(part(10))) == "wakes 7 0")
        #expect(inbox.suspended(7) == .proceed)
        #expect(text(inbox.take()) == "part 10 0", "counted once")
    }

    @Test func theStreamGetsCreditForHalfItsWindow() {
        var inbox = opened()
        _ = inbox.received(part(499))
        _ = inbox.received(part(1))
        _ = inbox.received(part(500))
        #expect(text(inbox.take()) == "part 499 0")
        #expect(text(inbox.take()) == "part 1 500")
        #expect(text(inbox.received(part(500))) == "wakes nobody 0", "the credit counts")
        #expect(text(inbox.received(part(1))) == "exceeded")
    }

    @Test func whatWasKeptComesBeforeTheFailure() {
        var inbox = opened()
        _ = inbox.received(part(5))
        #expect(inbox.failed(Self.error) == nil)
        #expect(text(inbox.take()) == "part 5 0")
        #expect(text(inbox.take()) == "failed READ_FAILED")
    }

    @Test func aFailureWakesTheReader() {
        var inbox = opened()
        #expect(inbox.suspended(3) == .wait)
        #expect(inbox.failed(Self.error) == 3)
        #expect(inbox.failed(Self.error) == nil)
        #expect(text(inbox.take()) == "failed READ_FAILED")
        #expect(text(inbox.received(part(9))) == "wakes nobody 0", "it comes too late")
    }

    @Test func stoppedBeforeAnythingCameAWholeAnswerCounts() {
        var inbox = opened()
        let isStopped = [inbox.stopped(), inbox.stopped()]
        #expect(isStopped == [true, false])
        #expect(inbox.suspended(3) == .wait)
        #expect(text(inbox.received(part(4, isLast: true))) == "wakes 3 0")
        #expect(text(inbox.take()) == "part 4 0")
        #expect(text(inbox.take()) == "end")
    }

    @Test func stoppedInTheMiddleTheRestIsDroppedAndItFails() {
        var inbox = opened()
        _ = inbox.received(part(5))
        let isStopped = inbox.stopped()
        #expect(isStopped)
        #expect(text(inbox.received(part(6))) == "wakes nobody 0")
        #expect(text(inbox.take()) == "wait")
        #expect(text(inbox.received(part(7, isLast: true))) == "wakes nobody 0")
        #expect(text(inbox.take()) == "failed CANCELLED")
    }

    @Test func stoppedAfterAPartWasTakenNoEndIsAWholeAnswer() {
        var inbox = opened()
        _ = inbox.received(part(5))
        _ = inbox.take()
        let isStopped = inbox.stopped()
        #expect(isStopped)
        _ = inbox.received(part(0, isLast: true))
        #expect(text(inbox.take()) == "failed CANCELLED")
    }

    @Test func abandonedItKeepsNothing() {
        var inbox = opened()
        _ = inbox.received(part(5))
        inbox.abandoned()
        #expect(text(inbox.received(part(6, isLast: true))) == "wakes nobody 0")
        #expect(inbox.isFinished)
    }

    // MARK: Made again

    @Test func anAnswerOfWhichNothingWasTakenBeginsAgain() {
        var inbox = opened()
        _ = inbox.received(part(10))
        let isRewound = inbox.rewound()
        #expect(isRewound)
        inbox.opened(window: 5)
        #expect(text(inbox.take()) == "wait", "nothing of it counts on another connection")
        #expect(text(inbox.received(part(6))) == "exceeded")
    }

    @Test func whoeverWaitsGoesOnWaiting() {
        var inbox = opened()
        #expect(inbox.suspended(7) == .wait)
        let isRewound = inbox.rewound()
        #expect(isRewound)
        #expect(text(inbox.received(part(1, isLast: true))) == "wakes 7 0")
    }

    @Test func anAnswerThatWasTakenInPartDoesNotBeginAgain() {
        var inbox = opened()
        _ = inbox.received(part(10))
        _ = inbox.take()
        let isRewound = inbox.rewound()
        #expect(!isRewound)
    }

    @Test func anAnswerThatHasEndedOrIsWantedNoMoreDoesNotBeginAgain() {
        var ended = opened()
        _ = ended.received(part(10, isLast: true))
        let endedIsRewound = ended.rewound()
        #expect(!endedIsRewound)
        var stopped = opened()
        _ = stopped.stopped()
        let stoppedIsRewound = stopped.rewound()
        #expect(!stoppedIsRewound)
    }

    // MARK: Held

    @Test func whatIsHeldGetsCreditWhenItIsUsed() {
        var inbox = opened()
        inbox.startedHolding()
        #expect(inbox.suspended(7) == .wait)
        #expect(text(inbox.received(part(600))) == "wakes 7 0")
        _ = inbox.received(part(400))
        #expect(text(inbox.take()) == "part 600 0")
        #expect(text(inbox.take()) == "part 400 0")
        #expect(text(inbox.take()) == "wait")
        #expect(text(inbox.received(part(1))) == "exceeded")
        #expect(inbox.used(600) == 600)
        #expect(inbox.used(400) == 0, "the stream's waits for half of the window")
    }
}
