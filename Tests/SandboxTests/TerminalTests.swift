import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct TerminalTests {
        static func shell(_ fixture: SandboxFixture) async throws -> RunningCommand {
            var command = fixture.command(["bash", "--norc", "-i"])
            command.terminal = TerminalSize(rows: 40, columns: 120)
            command.opensStandardInput = true
            command.environment = try Environment(["PS1": "> ", "TERM": "xterm"])
            return try await fixture.start(command)
        }

        static func type(_ text: String, to command: RunningCommand) async throws {
            try await command.writeInput(ByteBuffer(string: text))
        }

        /// Reads until they were written, one after the other.
        @discardableResult
        static func read(
            until parts: String...,
            from command: RunningCommand,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            var all = ""
            while !holds(all, parts) {
                guard let bytes = try await command.readOutput(.standardOutput, upTo: 4096) else {
                    Issue.record("it ended after: \(all)", sourceLocation: sourceLocation)
                    return all
                }
                all += String(buffer: bytes)
            }
            return all
        }

        private static func holds(_ text: String, _ parts: [String]) -> Bool {
            var rest = text[...]
            return parts.allSatisfy { part in
                guard let place = rest.range(of: part) else { return false }
                rest = rest[place.upperBound...]
                return true
            }
        }

        @Test func isATerminalOfItsSize() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command(
                    "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all > /dev/tty"
                )
                command.terminal = TerminalSize(rows: 12, columns: 34)
                let finished = try await fixture.run(command)
                #expect(finished.output == "/dev/pts/0\r\n12 34\r\nall\r\n")
                #expect(finished.error == "")
                #expect(finished.exitCode == 0)
            }
        }

        @Test func isResized() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await Self.shell(fixture)
                try await Self.read(until: "> ", from: running)
                try await Self.type("trap 'echo winch:$(stty size)' WINCH; echo se''t\n", to: running)
                // A shell that is between two commands may heed a signal no sooner than after the next, which is no empty one.
                try await Self.read(until: "set\r\n", "> ", from: running)
                try running.resizeTerminal(to: TerminalSize(rows: 50, columns: 99))
                try await Self.type(":\n", to: running)
                try await Self.read(until: "winch:50 99", from: running)
                try await Self.type("exit 5\n", to: running)
                #expect(try await Finished(running).exitCode == 5)
            }
        }

        /// Also where nobody types.
        @Test func isResizedWithoutInput() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("trap 'stty size' WINCH; echo set; while :; do sleep 0.01; done")
                command.terminal = TerminalSize(rows: 2, columns: 3)
                let running = try await fixture.start(command)
                try await Self.read(until: "set\r\n", from: running)
                try running.resizeTerminal(to: TerminalSize(rows: 50, columns: 99))
                try await Self.read(until: "50 99", from: running)
                running.terminate(.cancelled)
                _ = try await Finished(running)
                try running.resizeTerminal(to: TerminalSize(rows: 5, columns: 9))
            }
        }

        @Test func whatCannotBeResizedIsTold() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("true")
                let running = try await fixture.start(command)
                await expectError(.invalidArgument) {
                    try running.resizeTerminal(to: TerminalSize(rows: 5, columns: 9))
                }
                _ = try await Finished(running)
                for size in [TerminalSize(rows: 0, columns: 80), TerminalSize(rows: 24, columns: 0)] {
                    command.terminal = size
                    let refused = command
                    await expectError(.invalidArgument) { _ = try await fixture.start(refused) }
                }
            }
        }

        /// More than the kernel holds waits, and nothing is lost; a line that is not ended is followed by the end.
        @Test(arguments: ["line\n", "line"])
        func allThatIsTypedIsReadToItsEnd(last: String) async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command(
                    "stty -echo; mkfifo go; echo se''t; read x < go; cat > typed; echo done"
                )
                command.terminal = TerminalSize(rows: 24, columns: 80)
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                try await Self.read(until: "set\r\n", from: running)
                let typed = (1...40_000).map { "\($0)\n" }.joined() + last
                async let written: Void = running.writeInput(ByteBuffer(string: typed))
                _ = try await fixture.run("echo > go")
                try await written
                running.closeInput()
                try await Self.read(until: "done", from: running)
                #expect(FileManager.default.contents(atPath: fixture.path("typed")) == Data(typed.utf8))
                #expect(try await Finished(running).exitCode == 0)
            }
        }

        @Test func controlCharactersAreSignals() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await Self.shell(fixture)
                try await Self.read(until: "> ", from: running)
                try await Self.type("sh -c 'echo go\"\"ing; exec sleep 1000'\n", to: running)
                try await Self.read(until: "going", from: running)
                try await Self.type("\u{3}", to: running)
                try await Self.type("echo co''de $?\n", to: running)
                try await Self.read(until: "code 130", from: running)
                try await Self.type("sh -c 'echo go\"\"ing; exec sleep 1000'\n", to: running)
                try await Self.read(until: "going", from: running)
                try await Self.type("\u{1a}", to: running)
                try await Self.type("jobs; kill %1; fg; echo do''ne\n", to: running)
                // Only at the prompt the end is a key.
                let jobs = try await Self.read(until: "done", "> ", from: running)
                #expect(jobs.contains("Stopped"))
                // The end of its input ends the shell.
                running.closeInput()
                #expect(try await Finished(running).exitCode == 0)
            }
        }

        /// As a terminal that is hung up ends one: the clock stands still, and nobody is killed after a grace.
        @Test func aShellThatIsEndedGoesAtOnce() async throws {
            try await SandboxFixture.with(clock: ManualClock()) { fixture in
                let running = try await Self.shell(fixture)
                try await Self.read(until: "> ", from: running)
                try await Self.type("sleep 1000 & echo sta''rted\n", to: running)
                try await Self.read(until: "started", "> ", from: running)
                running.terminate(.cancelled)
                #expect(try await Finished(running).terminationCause == .cancelled)
            }
        }

        @Test func allThatWasWrittenIsRead() async throws {
            try await SandboxFixture.with { fixture in
                for _ in 0..<10 {
                    var command = fixture.command("seq 5000")
                    command.terminal = TerminalSize(rows: 24, columns: 80)
                    let finished = try await fixture.run(command)
                    #expect(finished.output == (1...5000).map { "\($0)\r\n" }.joined())
                }
            }
        }

        @Test func theTerminalOfAnotherCommandIsNotThere() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await Self.shell(fixture)
                try await Self.read(until: "> ", from: running)
                #expect(try await fixture.run("ls /dev/pts").output == "ptmx\n")
                running.terminate(.cancelled)
                #expect(try await Finished(running).terminationCause == .cancelled)
                #expect(try await fixture.run("ls /dev/pts").output == "ptmx\n")
            }
        }

        @Test func pushingInputIsRefused() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command([
                    "/usr/bin/python3", "-c", "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSTI, b'x')",
                ])
                command.terminal = TerminalSize(rows: 24, columns: 80)
                let finished = try await fixture.run(command)
                #expect(finished.output.contains("PermissionError"))
            }
        }

        @Test func aProgramThatIsNotThereIsTold() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command(["/workspace/none"])
                command.terminal = TerminalSize(rows: 24, columns: 80)
                let missing = command
                await expectError(.execError, .notFound) { _ = try await fixture.run(missing) }
            }
        }

        /// A full-screen program draws, obeys a key, and goes.
        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/vim")))
        func vimWritesAFile() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command(["vim", "-u", "NONE", "text"])
                command.terminal = TerminalSize(rows: 24, columns: 80)
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                try await Self.read(until: "~", from: running)
                try await Self.type("ityped\u{1b}:wq\n", to: running)
                #expect(try await Finished(running).exitCode == 0)
                #expect(FileManager.default.contents(atPath: fixture.path("text")) == Data("typed\n".utf8))
            }
        }
    }
}
