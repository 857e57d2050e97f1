import AgentBackend
import BrokerServer
import BrokerTestKit
import Foundation
import NIOCore
import Testing

@testable import BrokerClient

/// The connection to a real broker is lost at every point of a call.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ConnectionLossTests {
    @Test(arguments: LossVerb.all)
    func aConnectionIsCutAtEveryFrame(verb: LossVerb) async throws {
        try await withLossBroker { (broker: InProcessBroker) async throws in
            guard verb.name != "exec" || !broker.isolation.isEmpty else { return }
            let whole = try await LossTrial(verb: verb, broker: broker).run()
            var cuts = 0
            for cut in Self.cuts(of: whole, .close) {
                if try await LossTrial(verb: verb, broker: broker, cut: cut).run().isCut { cuts += 1 }
            }
            #expect(cuts >= 8, "hello and call, each way, before and after")
        }
    }

    /// Neither side hears anything any more: pings that stay unanswered tell.
    @Test(arguments: LossVerb.all)
    func aConnectionFallsSilentAtEveryFrame(verb: LossVerb) async throws {
        let passage = try await withLossBroker { (broker: InProcessBroker) async throws -> Passage? in
            guard verb.name != "exec" || !broker.isolation.isEmpty else { return nil }
            return try await LossTrial(verb: verb, broker: broker).run()
        }
        guard let whole = passage else { return }
        // Half a second without a word is the end. On a slow machine it may be the end of a healthy connection too:
        // what has to hold is the same.
        try await withLossBroker {
            $0.limits.keepaliveInterval = .milliseconds(250)
            $0.limits.keepaliveMisses = 1
        } _: { (broker: InProcessBroker) async throws in
            // Before the answer to the hello it is the deadline for that which ends the wait.
            let cuts = Self.cuts(of: whole, .silence).filter {
                $0.index > 0 || $0.direction == .toClient && $0.isForwarded
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for cut in cuts {
                    group.addTask { try await LossTrial(verb: verb, broker: broker, cut: cut).run() }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func cuts(of passage: Passage, _ manner: Cut.Manner) -> [Cut] {
        Cut.Direction.allCases.flatMap { direction in
            (0..<passage.forwarded[direction, default: 0]).flatMap { index in
                [false, true].map { Cut(direction: direction, index: index, isForwarded: $0, manner: manner) }
            }
        }
    }
}

/// Runs a broker, and checks at the end that it has nothing left of its clients, and this process no descriptor more.
func withLossBroker<Result: Sendable>(
    configure: @escaping @Sendable (inout BrokerConfiguration) -> Void = { _ in },
    _ body: @Sendable (InProcessBroker) async throws -> Result
) async throws -> Result {
    let before = openDescriptors()
    let result = try await withBroker(configure: configure) { broker in
        let result = try await body(broker)
        try await BrokerConnection.withConnection(to: broker.address, token: broker.token()) { connection in
            while true {
                let stats = try await connection.stats()
                // The asking connection and its call are there themselves.
                if stats.connections == 1, stats.callsInFlight <= 1, stats.execsRunning == 0, stats.pool.active == 0,
                    stats.pool.leases == 0
                {
                    break
                }
                await Task.yield()
            }
        }
        #expect(broker.temporaryFiles() == [])
        #expect(commands(beneath: broker.root) == [])
        return result
    }
    while openDescriptors() > before { await Task.yield() }
    return result
}

extension InProcessBroker {
    var address: BrokerAddress { .tcp(host: "127.0.0.1", port: UInt16(port)) }
}

/// Without those that event loops have, which come and go with the process's threads.
private func openDescriptors() -> Int {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return numbers.count { number in
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
        return target.map { !$0.hasPrefix("anon_inode:[event") && $0 != "anon_inode:[timerfd]" } ?? false
    }
}
