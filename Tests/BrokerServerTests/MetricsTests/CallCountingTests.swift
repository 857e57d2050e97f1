import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerServer

@Suite struct CallCountingTests {
    @Test func operationsAreCalledAsTheirVerbs() {
        let operations: [BrokerWire.Operation] = [
            .echo, .describe, .clearKeys, .reload, .drain, .release(Release(lease: 1)), .stats(Stats()),
            .listWorkspaces(ListWorkspaces()), .deleteWorkspace(DeleteWorkspace(key: "k")),
            .execStart(ExecStart(program: nil)),
            .execList(ExecList()), .read(Read(path: [])), .diskUsage(MeasureUsage(path: [])), .audit(QueryAudit()),
            .listEntries(ListEntries()), .destroyEntry(DestroyEntry(key: "k")),
        ]
        for operation in operations { #expect(operation.counted.name == operation.name) }
        #expect(Set(CountedOperation.allCases.map(\.name)).count == CountedOperation.allCases.count)
    }

    /// Those that are answered on the spot, those that wait, and those that are never begun.
    @Test func everyAnswerIsCountedByOperationAndCode() async throws {
        let harness = try await ConnectionHarness { loop in
            StubHandler(
                eventLoop: loop,
                attempt: { call in
                    switch call.id % 3 {
                    case 0: .done(Answer(.echo))
                    case 1: .failed(BackendError(.readFailed, message: ""))
                    default: .wait
                    }
                },
                perform: { call, _ throws(BackendError) in
                    guard call.id % 2 == 0 else { throw BackendError(.internal, message: "") }
                    return Answer(.echo)
                }
            )
        }
        try await harness.hello()
        try await harness.receive((1...12).map { ConnectionHarness.call($0, $0 < 7 ? .echo : .stat(Stat(path: []))) })
        #expect(try await harness.sent().count == 12)
        let tally = harness.observer.counters.callTally
        // On the spot 3 and 6, after a wait 2.
        #expect(tally.answered(.echo) == 3)
        // On the spot 9 and 12, after a wait 8.
        #expect(tally.answered(.stat) == 3)
        #expect(
            tally.failed == [
                CallFailure(operation: .echo, code: .readFailed): 2, CallFailure(operation: .echo, code: .internal): 1,
                CallFailure(operation: .stat, code: .readFailed): 2, CallFailure(operation: .stat, code: .internal): 1,
            ]
        )
        #expect(tally.latency(of: .echo).count == 6)
        #expect(tally.latency(of: .file).count == 6)
        #expect(tally.latency.count == 12)
    }

    @Test func callsAreCountedOfAllEventLoopsTogether() async {
        let counters = OrgCounters()
        let loops = [NIOAsyncTestingEventLoop(), NIOAsyncTestingEventLoop()]
        for loop in loops {
            counters.calls(on: loop).answered.add(1, at: CountedOperation.read.rawValue)
            counters.calls(on: loop).took(1000, .file, calls: 2)
            counters.calls(on: loop).received(bytes: 3)
            counters.calls(on: loop).sent(bytes: 4)
        }
        let tally = counters.callTally
        #expect(tally.answeredCount == 2)
        #expect(tally.latency.count == 4)
        #expect(tally.latency.sum == .microseconds(4))
        #expect((tally.receivedBytes, tally.sentBytes) == (6, 8))
        for loop in loops { await loop.shutdownGracefully() }
    }

    @Test func everyEndOfACommandIsToldApart() {
        var tally = ExecTally()
        let outcomes: [ExecEnd.Outcome] = [
            .exited(code: 0), .exited(code: 0), .exited(code: 3), .signaled(9), .timedOut(after: .seconds(1)),
            .cancelled, .diskQuota(1), .outOfMemory,
        ]
        for outcome in outcomes {
            tally.count(
                ExecEnd(outcome: outcome, usage: ExecEnd.Usage(wall: .zero, user: .seconds(2), system: .seconds(1)))
            )
        }
        #expect(
            tally.ends == [
                "exited_zero": 2, "exited_nonzero": 1, "signaled": 1, "timed_out": 1, "cancelled": 1, "disk_quota": 1,
                "out_of_memory": 1,
            ]
        )
        #expect(tally.user == .seconds(16))
        #expect(tally.system == .seconds(8))
    }
}
