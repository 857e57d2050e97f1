import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// The command with standard streams of all sorts.
    @Suite
    struct StandardStreamTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"], body)
            }
        }

        /// Runs a line of shell in which `$0` is the command.
        private func shell(_ line: String, _ broker: BrokerProcess) async throws -> ChildProcess.Result {
            try await ChildProcess.run(
                "/bin/sh",
                ["-c", line, try BuiltProducts.program("agent-broker")],
                environment: broker.environment()
            )
        }

        /// Who waits for input that does not come, and for signals, must not hold up the output, on a host of few cores
        /// neither.
        @Test(.timeLimit(.minutes(1)), arguments: ["1", "2"])
        func outputComesWhileStandardInputIsOpen(threads: String) async throws {
            try await withBroker { broker in
                let input = Pipe()
                let environment = ["NIO_SINGLETON_BLOCKING_POOL_THREAD_COUNT": threads]
                let client = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["exec", "--key", "a", "--", "echo out; echo err >&2"],
                    environment: broker.environment().merging(environment) { $1 },
                    inputPipe: input
                )
                let result = try await client.exit()
                #expect(result.status == 0 && result.text == "out\n" && result.errorText == "err\n", "\(result)")
                try input.fileHandleForWriting.close()
            }
        }

        private static let terminal = """
            import os, pty, sys
            pid, terminal = pty.fork()
            if pid == 0:
                os.execv(sys.argv[1], sys.argv[1:])
            screen = b""
            while True:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:
                    break
                if not piece:
                    break
                screen += piece
            sys.stdout.buffer.write(screen)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """

        @Test(.timeLimit(.minutes(1)), arguments: ["1", "2"])
        func outputComesOnATerminal(threads: String) async throws {
            try await withBroker { broker in
                let environment = ["NIO_SINGLETON_BLOCKING_POOL_THREAD_COUNT": threads]
                let command = [
                    try BuiltProducts.program("agent-broker"), "exec", "--key", "a", "--", "echo out; exit 3",
                ]
                let result = try await ChildProcess.run(
                    "/usr/bin/python3",
                    ["-c", Self.terminal] + command,
                    environment: broker.environment().merging(environment) { $1 }
                )
                #expect(result.status == 3 && result.text == "out\r\n", "\(result)")
            }
        }

        /// What a shell closed is no empty file and no place to write to.
        @Test(.timeLimit(.minutes(1)))
        func closedStreamsAreErrors() async throws {
            try await withBroker { broker in
                #expect(try await shell("echo old | \"$0\" write --key a file", broker).status == 0)
                let write = try await shell("\"$0\" write --key a file <&-", broker)
                #expect(write.status == 1)
                #expect(write.errorText.contains("cannot read standard input: Bad file descriptor"), "\(write)")
                #expect(try await broker.client("read", "--key", "a", "file").text == "old\n")
                let list = try await shell("\"$0\" ls --key a >&-", broker)
                #expect(list.status == 1)
                #expect(list.errorText.contains("cannot write standard output: Bad file descriptor"), "\(list)")
                // A command without input is none that fails.
                let exec = try await shell("\"$0\" exec --key a -- cat <&-", broker)
                #expect(exec.status == 0 && exec.text.isEmpty, "\(exec)")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func errorsNameTheStream() async throws {
            try await withBroker { broker in
                #expect(try await shell("echo old | \"$0\" write --key a file", broker).status == 0)
                for (line, message) in [
                    ("read --key a file >/dev/full", "cannot write standard output: No space left on device"),
                    ("ls --key a >/dev/full", "cannot write standard output: No space left on device"),
                    ("write --key a file </tmp", "cannot read standard input: Is a directory"),
                ] {
                    let result = try await shell("\"$0\" \(line)", broker)
                    #expect(result.status == 1)
                    #expect(result.errorText.contains(message), "\(result)")
                    #expect(!result.errorText.contains("INTERNAL"))
                }
                #expect(try await broker.client("read", "--key", "a", "file").text == "old\n")
            }
        }
    }
}
