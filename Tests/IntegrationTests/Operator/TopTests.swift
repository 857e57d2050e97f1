import BrokerClient
import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// `agent-broker top`, as somebody at a terminal has it, and without one.
    @Suite(.timeLimit(.minutes(1)))
    struct TopTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root", "--drain-timeout", "0s"], body)
            }
        }

        @Test func atATerminalACommandIsSeenAndKilled() async throws {
            try await withBroker { broker in
                let started = try await broker.client("exec", "--key", "a", "--detach", "--", "sleep", "1000")
                let id = started.text.trimmingCharacters(in: .whitespacesAndNewlines)
                let user = try TerminalUser(
                    try BuiltProducts.program("agent-broker"),
                    ["top"],
                    environment: broker.environment()
                )
                let modes = try await user.begin().modes
                try await user.see("\u{1b}[?1049h\u{1b}[?25l")
                try await user.see("sleep 1000")
                user.resize(rows: 12, columns: 60)
                try user.type("jK")
                try await user.see("kill command \(id) of default? y/n")
                try user.type("y")
                try await user.see("was killed")
                try await user.see("no command runs")
                try user.type("\u{3}")
                try await user.see("\u{1b}[?25h\u{1b}[?1049l")
                let end = try await user.end()
                #expect(end.status == 0)
                #expect(end.modes == modes)
                let wait = try await broker.client("wait", "--key", "a", id)
                #expect(wait.status == 128 + 9)
            }
        }

        @Test func itIsQuitWhileABrokerThatHangsIsAskedToKill() async throws {
            try await withBroker { broker in
                _ = try await broker.client("exec", "--key", "a", "--detach", "--", "sleep", "1000")
                let user = try TerminalUser(
                    try BuiltProducts.program("agent-broker"),
                    ["top"],
                    environment: broker.environment()
                )
                _ = try await user.begin()
                try await user.see("sleep 1000")
                kill(broker.ready.pid, SIGSTOP)
                defer { kill(broker.ready.pid, SIGCONT) }
                try user.type("jKy")
                try await user.see("is being killed")
                try user.type("Ky")
                try await user.see("has not answered for the last one")
                try user.type("q")
                try await user.see("\u{1b}[?25h\u{1b}[?1049l")
                #expect(try await user.end().status == 0)
            }
        }

        @Test func withoutATerminalItPrintsOnce() async throws {
            try await withBroker { broker in
                _ = try await broker.client("exec", "--key", "a", "--detach", "--", "sleep", "1000")
                let plain = try await broker.client("top")
                #expect(plain.status == 0)
                #expect(plain.text.contains("sleep 1000"))
                #expect(plain.text.contains("local-filesystem"))
                #expect(!plain.text.contains("\u{1b}"))
                let json = try await broker.client("top", "--json")
                let kinds = json.text.split(separator: "\n").compactMap { line in
                    (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["kind"] as? String
                }
                #expect(kinds == ["org", "command", "entry"])
            }
        }
    }
}
