import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// `agent-broker shell`, as somebody at a terminal has it.
    @Suite(.timeLimit(.minutes(1)))
    struct ShellTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root", "--drain-timeout", "0s"], body)
            }
        }

        private func user(of broker: BrokerProcess, _ command: String..., term: String = "xterm") throws -> TerminalUser
        {
            var environment = broker.environment()
            environment["TERM"] = term
            return try TerminalUser(
                try BuiltProducts.program("agent-broker"),
                ["shell", "--key", "a", "--env", "PS1=> "] + (command.isEmpty ? [] : ["--"] + command),
                environment: environment
            )
        }

        private static func isInstalled(_ program: String) -> Bool {
            FileManager.default.isExecutableFile(atPath: "/usr/bin/\(program)")
        }

        // MARK: What it is

        @Test func itHasTheSizeAndTheTypeOfTheTerminal() async throws {
            try await withBroker { broker in
                let user = try user(of: broker, term: "vt220")
                let modes = try await user.begin().modes
                try await user.see("> ")
                try user.type("echo =$(stty size)=$TERM=$(tty)=\n")
                try await user.see("=40 120=vt220=/dev/pts/0=\r\n")
                try user.type("sh -c 'trap \"stty size; exit\" WINCH; echo se\"\"t; while :; do sleep 0.01; done'\n")
                try await user.see("set\r\n")
                user.resize(rows: 50, columns: 99)
                try await user.see("50 99\r\n")
                try user.type("exit 7\n")
                let end = try await user.end()
                #expect(end.status == 7)
                #expect(end.modes == modes)
            }
        }

        @Test func keysAreTheShells() async throws {
            try await withBroker { broker in
                let user = try user(of: broker)
                let modes = try await user.begin().modes
                try await user.see("> ")
                try user.type("sh -c 'echo go\"\"ing; exec sleep 1000'\n")
                try await user.see("going\r\n")
                try user.type("\u{3}")
                try user.type("echo co''de $?\n")
                try await user.see("code 130\r\n")
                try user.type("sh -c 'echo go\"\"ing; exec sleep 1000'\n")
                try await user.see("going\r\n")
                try user.type("\u{1a}")
                try await user.see("Stopped")
                try user.type("kill -9 %1; fg; echo do''ne\n")
                try await user.see("done\r\n")
                // Only at the prompt it is a key.
                try await user.see("> ")
                try user.type("\u{4}")
                let end = try await user.end()
                #expect(end.status == 0)
                #expect(end.modes == modes)
            }
        }

        @Test func aCommandTakesThePlaceOfTheShell() async throws {
            try await withBroker { broker in
                let line = try user(of: broker, "test -t 0 && echo one two; kill -9 $$")
                _ = try await line.begin()
                let end = try await line.end()
                #expect((end.status, end.shown) == (137, "one two\r\n"))
                let arguments = try user(of: broker, "printf", "<%s>", "a b", "c")
                _ = try await arguments.begin()
                #expect(try await arguments.end().shown == "<a b><c>")
            }
        }

        // MARK: Programs that draw

        @Test(.enabled(if: isInstalled("vim"), "vim is not installed"))
        func vimWorks() async throws {
            try await withBroker { broker in
                let resized = "autocmd VimResized * echo 'now' &lines . 'x' . &columns"
                let user = try user(of: broker, "vim", "-u", "NONE", "-c", resized, "text")
                let modes = try await user.begin().modes
                try await user.see("~")
                user.resize(rows: 30, columns: 100)
                try await user.see("now 30x100")
                try user.type("ityped\u{1b}:wq\r")
                let end = try await user.end()
                #expect(end.status == 0)
                #expect(end.modes == modes)
                #expect(try await broker.client("read", "--key", "a", "text").text == "typed\n")
            }
        }

        @Test(.enabled(if: isInstalled("less"), "less is not installed"))
        func lessWorks() async throws {
            try await withBroker { broker in
                let user = try user(of: broker, "seq 1000 | LESS= less")
                let modes = try await user.begin().modes
                try await user.see("39\r\n")
                user.resize(rows: 60, columns: 100)
                try await user.see("59\r\n")
                try user.type("G")
                try await user.see("1000\r\n")
                try user.type("q")
                let end = try await user.end()
                #expect(end.status == 0)
                #expect(end.modes == modes)
            }
        }

        @Test(.enabled(if: isInstalled("top"), "top is not installed"))
        func topWorks() async throws {
            try await withBroker { broker in
                // It shows nothing by itself for longer than the test takes.
                let user = try user(of: broker, "top", "-d", "1000")
                let modes = try await user.begin().modes
                try await user.see("COMMAND")
                try await user.see(" top ")
                // Narrower, it leaves out the last column.
                user.resize(rows: 30, columns: 70)
                try await user.see("PID USER")
                try await user.see("%MEM")
                #expect(try await !user.see(" agent ").contains("COMMAND"))
                try user.type("q")
                let end = try await user.end()
                #expect(end.status == 0)
                #expect(end.modes == modes)
            }
        }

        // MARK: Its end

        /// Whatever ends it, the terminal is as it was, and nothing goes on without it.
        @Test(arguments: [SIGTERM, SIGHUP, SIGINT, SIGQUIT])
        func aSignalEndsIt(signal: Int32) async throws {
            try await withBroker { broker in
                let word = "marked-\(UUID().uuidString)"
                let user = try user(of: broker, HostProcesses.staying(word))
                let (pid, modes) = try await user.begin()
                try await user.see("here\r\n")
                kill(pid, signal)
                let end = try await user.end()
                #expect(end.status == 128 + signal)
                #expect(end.modes == modes)
                #expect(HostProcesses.marked(word).isEmpty)
            }
        }

        @Test func aBrokerThatIsGoneEndsIt() async throws {
            try await withScratchDirectory { directory in
                let broker = try await BrokerProcess(["--root", "\(directory)/root"])
                let user = try user(of: broker, "echo up; exec cat")
                let modes = try await user.begin().modes
                try await user.see("up\r\n")
                _ = try await broker.stop(SIGKILL)
                let end = try await user.end()
                #expect(end.status == 69)
                #expect(end.modes == modes)
                #expect(end.shown.contains("CONNECTION_CLOSED"), "\(end.shown)")
            }
        }

        @Test func whatCannotBeRunIsSaid() async throws {
            try await withBroker { broker in
                let user = try user(of: broker, "/nowhere/program", "x")
                let modes = try await user.begin().modes
                let end = try await user.end()
                #expect(end.status == 1)
                #expect(end.modes == modes)
                #expect(end.shown.contains("EXEC_ERROR"), "\(end.shown)")
            }
        }

        @Test func withoutATerminalItSaysSo() async throws {
            try await withBroker { broker in
                let plain = try await broker.client("shell", "--key", "a")
                #expect(plain.status == 64 && plain.errorText.contains("needs a terminal"), "\(plain)")
                let json = try await broker.client("shell", "--key", "a", "--json")
                let error = try JSONSerialization.jsonObject(with: json.errors) as? [String: Any]
                #expect(json.status == 64 && error?["code"] as? String == "INVALID_ARGUMENT", "\(json)")
            }
        }
    }
}
