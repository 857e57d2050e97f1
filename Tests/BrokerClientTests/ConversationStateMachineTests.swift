import AgentBackend
import Testing

@testable import BrokerClient

@Suite struct ConversationStateMachineTests {
    private static let error = BackendError(.protocolError, message: "no")

    private func open(maximumCallsInFlight: Int = 100) -> Conversation {
        let machine = Conversation()
        #expect(machine.receivedHelloReply(maximumCallsInFlight))
        return machine
    }

    @Test func oneGreeting() {
        let machine = open()
        #expect(!machine.receivedHelloReply(1))
    }

    @Test func idsGrowAndCallsGoInOrder() {
        let machine = open(maximumCallsInFlight: 2)
        #expect([machine.newCall(), machine.newCall(), machine.newCall()] == ["1", "2", "3"])
        #expect(machine.sendNext() == 1)
        #expect(machine.sendNext() == 2)
        #expect(machine.sendNext() == nil, "as many as may be")
        #expect(!machine.wasSent(3))
        #expect(machine.callEnded() == .goOn)
        #expect(machine.sendNext() == 3)
        #expect(machine.wasSent(3))
    }

    @Test func whatLeftTheQueueIsPassedOver() {
        let machine = open()
        for _ in 1...3 { _ = machine.newCall() }
        machine.leftQueue(1)
        machine.leftQueue(2)
        #expect(machine.sendNext() == 3)
        #expect(machine.newCall() == "4")
        machine.leftQueue(4)
        #expect(machine.sendNext() == nil)
        #expect(machine.newCall() == "5")
    }

    @Test func afterAGoAwayNothingStartsAndTheLastAnswerEndsIt() {
        let machine = open()
        _ = machine.newCall()
        _ = machine.newCall()
        #expect(machine.sendNext() == 1)
        #expect(machine.receivedGoAway(nil) == .goOn)
        #expect(machine.sendNext() == nil)
        #expect(machine.newCall() == "SHUTTING_DOWN")
        #expect(machine.wasSent(1))
        #expect(machine.callEnded() == .close)
    }

    @Test func anIdleConnectionEndsWithTheGoAway() {
        let machine = open()
        #expect(machine.receivedGoAway(Self.error) == .close)
        #expect(machine.newCall() == "CONNECTION_CLOSED")
    }

    @Test func itIsClosedOnce() {
        let machine = open()
        #expect(machine.close(.closedByOwner))
        #expect(!machine.close(.lost(cause: nil)))
        #expect(machine.newCall() == "CONNECTION_CLOSED")
        #expect(machine.callEnded() == .goOn)
        #expect(!machine.receivedHelloReply(1))
    }

    @Test func callsThatWereSentMayHaveHadTheirEffectOthersNot() {
        let causes: [ConnectionEnd] = [
            .lost(cause: nil), .fault(Self.error), .brokerDrains(nil), .brokerDrains(Self.error), .closedByOwner,
        ]
        for cause in causes {
            #expect(cause.errorOfSentCall.maybeExecuted)
            #expect(!cause.errorOfSentCall.isRetryable)
            #expect(!cause.errorOfUnsentCall.maybeExecuted)
            #expect(cause.errorOfUnsentCall.isRetryable)
        }
    }
}

/// Holds the machine, which cannot be copied, where expectations can reach it.
private final class Conversation {
    private var machine = ConversationStateMachine()

    func receivedHelloReply(_ maximumCallsInFlight: Int) -> Bool {
        machine.receivedHelloReply(maximumCallsInFlight: maximumCallsInFlight)
    }

    /// The id, or the code that the call is refused with.
    func newCall() -> String {
        switch machine.newCall() {
        case .success(let id): "\(id)"
        case .failure(let error): "\(error.code)"
        }
    }

    func sendNext() -> UInt64? {
        guard let id = machine.nextToSend() else { return nil }
        machine.sentNext()
        return id
    }

    func leftQueue(_ id: UInt64) { machine.leftQueue(id) }
    func wasSent(_ id: UInt64) -> Bool { machine.wasSent(id) }
    func callEnded() -> ConversationStateMachine.EndAction { machine.callEnded() }
    func receivedGoAway(_ error: BackendError?) -> ConversationStateMachine.EndAction { machine.receivedGoAway(error) }
    func close(_ end: ConnectionEnd) -> Bool { machine.close(end) }
}
