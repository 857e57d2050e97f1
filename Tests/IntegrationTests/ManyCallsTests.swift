import AgentBackend
import BrokerClient
import Foundation
import Testing

extension IntegrationTests {
    /// Very many calls of all kinds at a time, each with an answer that is known beforehand.
    @Suite
    struct ManyCallsTests {
        private static let calls = 100_000
        private static let connections = 8
        private static let callersPerConnection = 8
        private static let orgs = ["acme", "umbrella"]

        @Test(.timeLimit(.minutes(10)))
        func everyAnswerIsRightAndNothingIsLeft() async throws {
            try await withScratchDirectory { directory in
                // So that what there is before and after is the entries' own.
                let preamble = "exec: {spare_sandboxes: 0}\n"
                let orgs = try await OrgFile(orgs: Self.orgs, in: directory, preamble: preamble)
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    // Makes the entries and whatever else the broker makes once.
                    try await makeCalls(64 * 18, of: broker, orgs)
                    try await makeSandboxes(broker, orgs)
                    let before = try await holdings(broker, orgs)
                    #expect(before.children == Self.orgs.count * Caller.keys)
                    #expect(before.temporaryFiles == 0)
                    let execs = try await makeCalls(Self.calls, of: broker, orgs)
                    #expect(execs > 100)
                    #expect(try await holdings(broker, orgs) == before)
                }
            }
        }

        /// Returns how many of the calls were commands.
        @discardableResult
        private func makeCalls(_ count: Int, of broker: BrokerProcess, _ orgs: OrgFile) async throws -> Int {
            let address = try BrokerAddress(broker.ready.wire)
            let callers = Self.connections * Self.callersPerConnection
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for connection in 0..<Self.connections {
                    let org = Self.orgs[connection % Self.orgs.count]
                    let token = try #require(orgs.tokens[org])
                    group.addTask {
                        try await BrokerConnection.withConnection(to: address, token: token) { wire in
                            try await withThrowingTaskGroup(of: Int.self) { group in
                                for index in 0..<Self.callersPerConnection {
                                    let number = connection * Self.callersPerConnection + index
                                    let share = count / callers + (number < count % callers ? 1 : 0)
                                    var caller = Caller(number: number, org: org, connection: wire)
                                    group.addTask { try await caller.call(times: share) }
                                }
                                return try await group.reduce(0, +)
                            }
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
        }

        /// Of every entry, which keeps it as long as it lives.
        private func makeSandboxes(_ broker: BrokerProcess, _ orgs: OrgFile) async throws {
            for org in Self.orgs {
                let (address, token) = (try BrokerAddress(broker.ready.wire), try #require(orgs.tokens[org]))
                try await BrokerConnection.withConnection(to: address, token: token) { connection in
                    for key in 0..<Caller.keys {
                        let target = BrokerTarget(key: "key-\(key)")
                        let request = ExecRequest(.shellLine(Array("true".utf8)))
                        _ = try await connection.run(request, on: target).requireSuccess()
                    }
                }
            }
        }

        /// What the broker holds with one connection of each org, once all others are gone.
        private func holdings(_ broker: BrokerProcess, _ orgs: OrgFile) async throws -> BrokerProcess.Holdings {
            var connections: [BrokerConnection] = []
            for org in Self.orgs {
                let token = try #require(orgs.tokens[org])
                connections.append(try await .connect(to: BrokerAddress(broker.ready.wire), token: token))
            }
            // The broker closes its end of a connection just after the client has seen that.
            for connection in connections {
                while try await connection.stats().connections > 1 { await Task.yield() }
            }
            let holdings = broker.holdings
            for connection in connections { await connection.close() }
            return holdings
        }
    }
}
