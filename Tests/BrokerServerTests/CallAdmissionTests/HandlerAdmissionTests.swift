import AgentBackend
import BrokerTestKit
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerServer

/// A connection whose calls wait for slots, with a handler that a test holds up.
@Suite(.timeLimit(.minutes(1))) struct HandlerAdmissionTests {
    private func harness(_ gate: Gate, _ admission: CallAdmission) async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness(admission: admission) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, _ throws(BackendError) in
                await gate.wait()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        return harness
    }

    /// It was given its slot, and before it heard of that its caller cancelled it: the slot is the next one's.
    @Test func aSlotThatComesTooLateIsGivenBack() async throws {
        let gate = Gate()
        let admission = CallAdmission.stub(BrokerSlots(calls: 1, commands: 1))
        let harness = try await harness(gate, admission)
        try await harness.receive(ConnectionHarness.call(1), ConnectionHarness.call(2), ConnectionHarness.call(3))
        #expect(admission.snapshot(of: 0).callsInFlight == 1)
        #expect(admission.snapshot(of: 0).waiting == 2)
        _ = try await harness.withConnection { connection in
            // Both at once, before the loop comes to tell the second call.
            admission.update(.stub(calls: 2))
            connection.cancelCall(2, BackendError(.cancelled, message: ""))
        }
        #expect(try await harness.sent().map(\.kind) == ["2 CANCELLED"])
        #expect(admission.snapshot(of: 0).callsInFlight == 2)
        #expect(admission.snapshot(of: 0).waiting == 0)
        gate.open()
        try await settle(harness) { admission.snapshot(of: 0).callsInFlight == 0 }
        #expect(admission.snapshot(of: 0).bytesInFlight == 0)
    }

    @Test func theEndOfTheConnectionEndsAllWaits() async throws {
        let gate = Gate()
        let admission = CallAdmission.stub(BrokerSlots(calls: 1, commands: 1))
        let harness = try await harness(gate, admission)
        let calls = (1...20).map {
            ConnectionHarness.call($0, lane: UInt32($0 % 3), payload: ByteBuffer(string: "abc"))
        }
        try await harness.receive(calls)
        #expect(admission.snapshot(of: 0).waiting > 0)
        #expect(admission.snapshot(of: 0).bytesInFlight > 0)
        try await harness.channel.close().get()
        #expect(admission.snapshot(of: 0).waiting == 0)
        gate.open()
        try await settle(harness) { admission.snapshot(of: 0).connections == 0 }
        let snapshot = admission.snapshot(of: 0)
        #expect(snapshot.callsInFlight == 0)
        #expect(snapshot.bytesInFlight == 0)
    }

    /// What arrives for a call that goes on is kept until the call has used it.
    @Test func bytesOfAStreamAreCountedUntilTheyAreUsed() async throws {
        let gate = Gate()
        let admission = CallAdmission.stub()
        let harness = try await ConnectionHarness(admission: admission) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                while try await stream.receive() != nil { await gate.wait() }
                return Answer(.echo)
            }
        }
        try await harness.hello()
        let write = BrokerWire.Operation.write(Write(path: [1]))
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write, payload: .init(repeating: 0, count: 1000))
        )
        let held = admission.snapshot(of: 0).bytesInFlight
        #expect(held > 1000 && held < 1100)
        try await harness.receive(
            ClientFrame(id: 1, last: false, body: .chunk, payload: .init(repeating: 0, count: 500))
        )
        #expect(admission.snapshot(of: 0).bytesInFlight == held + 500)
        gate.open()
        try await settle(harness) { admission.snapshot(of: 0).bytesInFlight == held - 1000 }
        try await harness.receive(ClientFrame(id: 1, body: .chunk))
        try await settle(harness) { admission.snapshot(of: 0).bytesInFlight == 0 }
    }

    /// Tasks come back to the loop from elsewhere. Ended by the test's time limit.
    private func settle(_ harness: ConnectionHarness, until isSo: () -> Bool) async throws {
        while !isSo() {
            try Task.checkCancellation()
            await harness.loop.run()
            await Task.yield()
        }
    }
}

extension BrokerConfiguration {
    fileprivate static func stub(calls: Int) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.limits.maxCallsInFlight = calls
        return configuration
    }
}
