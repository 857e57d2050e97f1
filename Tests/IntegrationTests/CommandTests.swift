import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// The command as a user has it, with a broker that is a process of its own.
    @Suite
    struct CommandTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"], body)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func readyLineSaysHowToTalkToIt() async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root", "--unix", "\(directory)/socket"]
                try await withBrokerProcess(arguments) { broker in
                    #expect(broker.ready.ready)
                    #expect(broker.ready.pid == broker.process.pid)
                    #expect(broker.ready.root == "\(directory)/root")
                    #expect(broker.ready.unix == "\(directory)/socket")
                    #expect(broker.ready.org == "default")
                    for address in [broker.ready.wire, "unix:\(directory)/socket"] {
                        let result = try await broker.client("stats", "--address", address, "--json")
                        let stats = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
                        #expect(stats?["org"] as? String == "default", "\(result)")
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func execIsTransparent() async throws {
            try await withBroker { broker in
                let line = "cat; echo error >&2; exit 7"
                let result = try await broker.client("exec", "--key", "a", "--", line, input: Data("input\n".utf8))
                #expect(result.status == 7)
                #expect(result.text == "input\n")
                #expect(result.errorText == "error\n")

                let binary = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) })
                let copied = try await broker.client("exec", "--key", "a", "--", "cat", input: binary)
                #expect(copied.status == 0)
                #expect(copied.output == binary)

                let killed = try await broker.client("exec", "--key", "a", "--", "kill -9 $$")
                #expect(killed.status == 128 + SIGKILL)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func oneArgumentIsALineAndSeveralAreACommand() async throws {
            try await withBroker { broker in
                let line = try await broker.client("exec", "--key", "a", "--", "echo $HOME | tr a-z A-Z")
                #expect(line.text == "/WORKSPACE\n")
                let words = try await broker.client(
                    "exec",
                    "--key",
                    "a",
                    "--",
                    "printf",
                    "%s|",
                    "a b",
                    "$HOME",
                    "--key"
                )
                #expect(words.text == "a b|$HOME|--key|")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func optionsStandBeforeAndAfterTheName() async throws {
            try await withBroker { broker in
                let before = try await broker.client("--key", "a", "--json", "exec", "--", "echo x; exit 3")
                let object = try JSONSerialization.jsonObject(with: before.output) as? [String: Any]
                #expect(before.status == 3)
                #expect(object?["exit_code"] as? Int == 3)
                #expect(object?["stdout"] as? String == "x\n")

                try await expectSuccess(broker.client("write", "--key", "a", "inner/file", input: Data("content".utf8)))
                let after = try await broker.client(
                    "exec",
                    "--env",
                    "FIRST=1",
                    "--env",
                    "SECOND=a=b",
                    "--cwd",
                    "inner",
                    "--timeout",
                    "1h",
                    "--key",
                    "a",
                    "--",
                    "echo $FIRST $SECOND; pwd; cat file"
                )
                #expect(after.text == "1 a=b\n/workspace/inner\ncontent")
                let scoped = try await broker.client("--scope", "inner", "exec", "--key=a", "--", "pwd; ls")
                #expect(scoped.text == "/workspace\nfile\n")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func timeoutAndInterruptEndTheWholeTree() async throws {
            try await withBroker { broker in
                let late = "late-\(UUID().uuidString)"
                let result = try await broker.client(
                    "exec",
                    "--key",
                    "a",
                    "--timeout",
                    "200ms",
                    "--",
                    HostProcesses.staying(late)
                )
                #expect(result.status == 124, "\(result)")
                #expect(HostProcesses.marked(late).isEmpty)

                for (signal, status) in [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)] {
                    let word = "marked-\(UUID().uuidString)"
                    let output = Pipe()
                    let client = try ChildProcess(
                        try BuiltProducts.program("agent-broker"),
                        ["exec", "--key", "a", "--", HostProcesses.staying(word)],
                        environment: broker.environment(),
                        outputPipe: output
                    )
                    #expect(try await output.read(5) == Data("here\n".utf8))
                    // The client itself is one.
                    #expect(HostProcesses.marked(word).count > 1)
                    client.send(signal)
                    #expect(try await client.exit().status == status)
                    #expect(HostProcesses.marked(word).isEmpty)
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func filesComeBackAsTheyWere() async throws {
            try await withBroker { broker in
                let binary = Data((0..<5 << 20).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 7)) })
                try await expectSuccess(broker.client("write", "--key", "a", "deep/er/file", input: binary))
                let read = try await broker.client("read", "--key", "a", "/workspace/deep/er/file")
                #expect(read.status == 0)
                #expect(read.output == binary)

                let stat = try await broker.client("stat", "--key", "a", "--json", "deep/er/file")
                let info = try JSONSerialization.jsonObject(with: stat.output) as? [String: Any]
                #expect(info?["size"] as? Int == 5 << 20)
                #expect(info?["type"] as? String == "file")

                let directory = try await broker.client("ls", "--key", "a", "deep")
                #expect(directory.text == "er\n")
                let list = try await broker.client("ls", "-l", "--json", "--key", "a", "deep/er")
                let entry = try JSONSerialization.jsonObject(with: list.output) as? [String: Any]
                #expect(entry?["name"] as? String == "file")
                #expect(entry?["size"] as? Int == 5 << 20)

                #expect(try await broker.client("rm", "--key", "a", "deep").status == 1)
                try await expectSuccess(broker.client("rm", "-r", "--key", "a", "deep"))
                #expect(try await broker.client("ls", "--key", "a").text == "")
                #expect(try await broker.client("ls", "--key", "a", "deep").status == 1)
            }
        }

        private func expectSuccess(_ result: ChildProcess.Result, _ location: SourceLocation = #_sourceLocation) {
            #expect(result.status == 0, "\(result)", sourceLocation: location)
        }
    }
}
