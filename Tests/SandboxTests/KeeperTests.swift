import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// What a sandbox consists of on the host, and what becomes of it when a part is killed there.
    @Suite struct KeeperTests {
        /// A process beneath this one.
        private struct Part {
            let id: pid_t
            let name: String
            let parts: [Part]

            init(_ id: pid_t) {
                self.id = id
                name = (try? String(contentsOfFile: "/proc/\(id)/comm", encoding: .utf8)) ?? ""
                let children = try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
                parts = (children ?? "").split(separator: " ").compactMap { pid_t($0) }.map(Part.init)
            }

            /// Names alone, as "keeper(agent(cell))".
            var description: String {
                let name = name.dropLast().split(separator: "-").last.map(String.init) ?? ""
                return parts.isEmpty ? name : "\(name)(\(parts.map(\.description).joined(separator: " ")))"
            }
        }

        private static let noSpares: CommandRunner.Configuration = {
            var configuration = CommandRunner.Configuration()
            configuration.maximumSpareSandboxes = 0
            return configuration
        }()

        /// Waits until bubblewrap is gone from the one sandbox, whose first command has run.
        private static func sandbox() async throws -> Part {
            while true {
                let id = try #require(Host.children.first.flatMap { pid_t($0) })
                let keeper = Part(id)
                if keeper.description == "keeper(agent(cell))" { return keeper }
                await Task.yield()
            }
        }

        @Test(.timeLimit(.minutes(1))) func nothingOfBubblewrapStays() async throws {
            try await SandboxFixture.with(configuration: Self.noSpares) { fixture in
                #expect(try await fixture.run("echo made").output == "made\n")
                let keeper = try await Self.sandbox()
                #expect(Host.children.count == 1)
                // The pipe. Were the agent's socket here too, the broker would not see it close. Only root may look.
                guard geteuid() == 0 else { return }
                let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(keeper.id)/fd")
                #expect(descriptors == ["0"])
            }
        }

        enum Victim: String, CaseIterable, CustomTestStringConvertible {
            case keeper, agent

            var testDescription: String { rawValue }
        }

        @Test(.timeLimit(.minutes(1)), arguments: Victim.allCases)
        func whicheverIsKilledNothingIsLeftAndTheNextCommandRuns(victim: Victim) async throws {
            try await SandboxFixture.with(configuration: Self.noSpares) { fixture in
                #expect(try await fixture.run("echo made").output == "made\n")
                let keeper = try await Self.sandbox()
                let agent = try #require(keeper.parts.first)
                let running = try await fixture.start(fixture.command("setsid sleep 1000 & echo ready; sleep 1000"))
                #expect(try await running.readLine() == "ready\n")
                kill(victim == .keeper ? keeper.id : agent.id, SIGKILL)
                // Who has no idea of it but that it was killed: by the kernel, as far as the broker can tell.
                let outcome = try await Finished(running).end.outcome
                if case .outOfMemory = outcome {} else { Issue.record("\(outcome)") }
                while !Host.children.isEmpty { await Task.yield() }
                for id in [keeper.id, agent.id] { #expect(kill(id, 0) == -1 && errno == ESRCH) }
                #expect(try await fixture.run("echo again").output == "again\n")
            }
        }

        @Test func whatBubblewrapSaysWhenItFailsIsInTheLog() async throws {
            var configuration = Self.noSpares
            configuration.bubblewrapPath = try SandboxFixture.makeBubblewrap("echo no room here >&2; exit 1")
            defer { unlink(configuration.bubblewrapPath) }
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let error = await #expect(throws: BackendError.self) { _ = try await fixture.run("true") }
                #expect(error?.code == .execError)
                #expect(error.flatMap(\.cause).map { "\($0)" }?.contains("no room here") == true, "\(error)")
                #expect(Host.children == [])
            }
        }
    }
}
