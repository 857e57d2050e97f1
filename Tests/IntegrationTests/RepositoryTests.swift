import AgentBackend
import BrokerClient
import BrokerTestKit
import Foundation
import NIOCore
import Testing

extension IntegrationTests {
    /// Agents that work on a real repository at the same time: clone, change, generate code, commit.
    @Suite
    struct RepositoryTests {
        private static let orgs = ["acme", "umbrella"]
        private static let agentsPerOrg = 4

        @Test(.timeLimit(.minutes(5)))
        func everyFileOfEveryAgentIsAsItShouldBe() async throws {
            try await withScratchDirectory { directory in
                let repository = try await SourceRepository(in: directory)
                try #require(repository.files.count >= 200)
                try await withBroker(orgs: Self.orgs) { broker in
                    try #require(broker.isolation == "bwrap", "this host cannot isolate commands")
                    try await withAgents(of: broker) { agents in
                        try await together(agents) { try await $0.settle() }
                        try await together(agents) { agent in
                            let work = AgentWork(agent.number, on: repository)
                            let expected = try await repository.clone("\(agent.number)", work.perform)
                            try await agent.perform(work, on: repository)
                            try await agent.check(expected, after: work)
                        }
                        try await together(agents) { agent in
                            for other in agents where other.number != agent.number {
                                try await agent.checkThatItCannotSee(other, root: broker.root)
                            }
                            try await agent.checkThatItSeesOnlyItself()
                        }
                        try await together(agents) { try await $0.leave() }
                    }
                }
            }
        }

        /// Each with a connection of its own. The keys are the same in every org.
        private func withAgents(
            of broker: InProcessBroker,
            _ body: ([RepositoryAgent]) async throws -> Void
        ) async throws {
            var agents: [RepositoryAgent] = []
            do {
                for org in Self.orgs {
                    for key in 0..<Self.agentsPerOrg {
                        let connection = try await BrokerConnection.connect(
                            to: .tcp(host: "127.0.0.1", port: UInt16(broker.port)),
                            token: broker.token(of: org)
                        )
                        agents.append(
                            RepositoryAgent(number: agents.count, org: org, key: "agent-\(key)", connection: connection)
                        )
                    }
                }
                try await body(agents)
            } catch {
                for agent in agents { await agent.connection.close() }
                throw error
            }
            for agent in agents { await agent.connection.close() }
        }

        private func together(
            _ agents: [RepositoryAgent],
            _ body: @escaping @Sendable (RepositoryAgent) async throws -> Void
        ) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for agent in agents { group.addTask { try await body(agent) } }
                try await group.waitForAll()
            }
        }
    }
}
