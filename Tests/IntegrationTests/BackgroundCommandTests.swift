import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// Commands in the background, as a user of the command has them.
    @Suite(.timeLimit(.minutes(1)))
    struct BackgroundCommandTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root", "--drain-timeout", "0s"], body)
            }
        }

        private func start(_ line: String, _ broker: BrokerProcess) async throws -> String {
            let result = try await broker.client("exec", "--detach", "--key", "a", "--", line)
            #expect(result.status == 0, "\(result)")
            return result.text.trimmingCharacters(in: .newlines)
        }

        @Test func itIsListedReadAndWaitedFor() async throws {
            try await withBroker { broker in
                let id = try await start("echo out; echo err >&2; exit 7", broker)
                #expect(UInt64(id) != nil)
                let waited = try await broker.client("wait", "--key", "a", id)
                #expect(waited.status == 7)
                let attached = try await broker.client("attach", "--key", "a", id)
                #expect((attached.status, attached.text, attached.errorText) == (7, "out\n", "err\n"))
                let rest = try await broker.client("attach", "--key", "a", "--from-offset", "2", id)
                #expect(rest.text == "t\n")
                let list = try await broker.client("ps", "--key", "a")
                #expect(list.text.contains(id) && list.text.contains("exit 7"), "\(list)")
                let json = try await broker.client("ps", "--key", "a", "--json")
                let object = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
                #expect(object?["outcome"] as? String == "exited")
                #expect(object?["exit_code"] as? Int == 7)
                #expect(object?["stdout_bytes"] as? Int == 4)
            }
        }

        @Test func itGoesOnWhenItsReaderIsInterruptedAndEndsByASignal() async throws {
            try await withBroker { broker in
                let word = "marked-\(UUID().uuidString)"
                let id = try await start(HostProcesses.staying(word), broker)
                let output = Pipe()
                let reader = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["attach", "--key", "a", id],
                    environment: broker.environment(),
                    outputPipe: output
                )
                #expect(try await output.read(5) == Data("here\n".utf8))
                reader.send(SIGINT)
                #expect(try await reader.exit().status == 130)
                #expect(!HostProcesses.marked(word).isEmpty)
                let killed = try await broker.client("kill", "--key", "a", "-s", "KILL", id)
                #expect(killed.status == 0, "\(killed)")
                #expect(try await broker.client("wait", "--key", "a", id).status == 128 + SIGKILL)
                #expect(HostProcesses.marked(word).isEmpty)
            }
        }

        @Test func itEndsWithTheBroker() async throws {
            let word = "marked-\(UUID().uuidString)"
            try await withBroker { broker in
                let id = try await start(HostProcesses.staying(word), broker)
                let output = Pipe()
                let reader = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["attach", "--key", "a", id],
                    environment: broker.environment(),
                    outputPipe: output
                )
                #expect(try await output.read(5) == Data("here\n".utf8))
                reader.send(SIGKILL)
                _ = try await reader.exit()
            }
            #expect(HostProcesses.marked(word).isEmpty)
        }

        @Test func whatIsWrongIsSaid() async throws {
            try await withBroker { broker in
                let unknown = try await broker.client("wait", "--key", "a", "1")
                #expect(unknown.status == 1 && unknown.errorText.contains("NOT_FOUND"), "\(unknown)")
                let keyless = try await broker.client("exec", "--detach", "--", "true")
                #expect(keyless.status == 64, "\(keyless)")
                let signal = try await broker.client("kill", "--key", "a", "-s", "NOSUCH", "1")
                #expect(signal.status == 64, "\(signal)")
            }
        }
    }
}
