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

    /// What is sent for a call that waits, or was begun, counts as what came with it.
    @Test func bytesThatComeLaterAreRefusedAtTheLimit() async throws {
        let gate = Gate()
        let admission = CallAdmission.stub(BrokerSlots(calls: 1, commands: 1)) { $0.maxBytesInFlight = 100_000 }
        let harness = try await ConnectionHarness(admission: admission) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                await gate.wait()
                while try await stream.receive() != nil {}
                return Answer(.echo)
            }
        }
        try await harness.hello()
        let write = BrokerWire.Operation.write(Write(path: [1]))
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write),
            ConnectionHarness.call(2, last: false, write),
            ConnectionHarness.call(3, lane: 1, last: false, write),
            ConnectionHarness.call(4, lane: 1, last: false, write)
        )
        func send(_ count: Int, for call: UInt64) async throws {
            let payload = ByteBuffer(repeating: 0, count: count)
            try await harness.receive(ClientFrame(id: call, last: false, body: .chunk, payload: payload))
        }
        try await send(60_000, for: 1)
        for call in [2, 4, 3] as [UInt64] {
            try await send(60_000, for: call)
            let frames = try await harness.sent()
            #expect(frames.map(\.kind) == ["\(call) RESOURCE_EXHAUSTED"])
            let error = frames.first?.error
            #expect(error?.limit?.name == "org_bytes_in_flight" && error?.limit?.allowed == 100_000)
            #expect(error?.isRetryable == true && error?.maybeExecuted == false)
            // It is over: what else was on its way is nobody's.
            try await send(60_000, for: call)
            #expect(admission.snapshot(of: 0).bytesInFlight < 61_000)
        }
        // Within the limit it goes on.
        try await send(30_000, for: 1)
        #expect(try await harness.sent().isEmpty)
        for _ in 0..<3 { try await send(60_000, for: 1) }
        #expect(admission.snapshot(of: 0).bytesInFlight < 100_000)
        gate.open()
        try await settle(harness) { admission.snapshot(of: 0).bytesInFlight == 0 }
        let last = try await harness.sent().filter { $0.error != nil }
        #expect(last.map(\.kind) == ["1 RESOURCE_EXHAUSTED"])
        #expect(last.first?.error?.maybeExecuted == true)
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
