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
                let orgs = try await OrgFile(orgs: Self.orgs, in: directory)
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    // Makes the entries and whatever else the broker makes once.
                    try await makeCalls(64 * 18, of: broker, orgs)
                    let before = try await settled(broker)
                    #expect(before.children == 0)
                    #expect(before.temporaryFiles == 0)
                    let execs = try await makeCalls(Self.calls, of: broker, orgs)
                    #expect(execs > 100)
                    // The broker closes its end of a connection just after the client has seen that.
                    while try await settled(broker) != before { await Task.yield() }
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

        /// What the broker holds once it has noticed that no connection is left but the one that asks.
        private func settled(_ broker: BrokerProcess) async throws -> BrokerProcess.Holdings {
            broker.holdings
        }
    }
}
