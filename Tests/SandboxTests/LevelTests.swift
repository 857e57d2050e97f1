import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// What holds without namespaces, where commands run in the host's file system.
    @Suite struct LevelTests {
        static let levels = [IsolationLevel.none, .software, .landlock]

        @Test(arguments: levels) func aCommandFindsItsScopeAndACleanEnvironment(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                let finished = try await fixture.run("pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; id -u; cat; exit 7")
                let path = URL(filePath: fixture.workspacePath).resolvingSymlinksInPath().path()
                let variables = "HOME LANG OLDPWD PATH PWD SHELL SHLVL TERM TMPDIR USER _"
                #expect(
                    finished.output.replacing("OLDPWD ", with: "")
                        == "\(path)\n\(variables.replacing("OLDPWD ", with: "")) \(SandboxFixture.uid)\n"
                )
                #expect(finished.exitCode == 7 && finished.error == "")
            }
        }

        @Test(arguments: levels) func aScopeIsTheWorkingDirectoryAndHome(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                try SandboxFixture.makeDirectory(fixture.path("inner"))
                let scope = open(fixture.path("inner"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                defer { close(scope) }
                var command = fixture.command("echo text > file; [ $PWD = $HOME ] && basename $PWD")
                command.scope = scope
                #expect(try await fixture.run(command).output == "inner\n")
                #expect(try String(contentsOfFile: fixture.path("inner/file"), encoding: .utf8) == "text\n")
            }
        }

        @Test(arguments: levels) func theEndOfTheLeaderIsTheEndOfAll(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                let marker = TreeTests.makeMarker()
                let finished = try await fixture.run(TreeTests.scatter(marker))
                #expect(finished.output == "ready\n" && finished.exitCode == 0)
                #expect(finished.end.lingeringProcesses >= 6)
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test(arguments: levels) func aCancelledTreeHasItsGraceAndIsGone(level: IsolationLevel) async throws {
            let clock = ManualClock()
            try await SandboxFixture.with(level: level, clock: clock) { fixture in
                let marker = TreeTests.makeMarker()
                var command = fixture.command("trap '' TERM\n" + TreeTests.scatter(marker) + "\nsleep 1000")
                command.grace = .seconds(7)
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                #expect(Host.processes(with: marker).count >= 6)
                running.terminate(.cancelled)
                await clock.sleeperArrived(for: .seconds(7))
                #expect(!Host.processes(with: marker).isEmpty)
                clock.advance(by: .seconds(7))
                #expect(try await Finished(running).terminationCause == .cancelled)
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test(arguments: levels) func aSignalReachesTheWholeTree(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                let running = try await fixture.start(
                    fixture.command(
                        "trap : USR1; (trap 'echo inner; exit' USR1; echo ready; while :; do sleep 0.01; done) & wait; wait"
                    )
                )
                #expect(try await running.readLine() == "ready\n")
                try running.signal(SIGUSR1)
                #expect(try await Finished(running).output == "inner\n")
            }
        }

        @Test(arguments: levels) func aTerminalWorks(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level, clock: ManualClock()) { fixture in
                let running = try await TerminalTests.shell(fixture)
                try await TerminalTests.read(until: "> ", from: running)
                try running.resizeTerminal(to: TerminalSize(rows: 50, columns: 99))
                try await TerminalTests.type("stty size; sh -c 'echo go\"\"ing; exec sleep 1000'\n", to: running)
                try await TerminalTests.read(until: "50 99\r\n", "going\r\n", from: running)
                try await TerminalTests.type("\u{3}", to: running)
                try await TerminalTests.read(until: "> ", from: running)
                try await TerminalTests.type("echo co''de $?; sleep 1000 &\n", to: running)
                try await TerminalTests.read(until: "code 130\r\n", "> ", from: running)
                // Hung up, it needs no grace: the clock stands still.
                running.terminate(.cancelled)
                #expect(try await Finished(running).terminationCause == .cancelled)
            }
        }

        @Test(arguments: levels) func destroyingEndsAllThatRuns(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                let marker = TreeTests.makeMarker()
                let command = fixture.command("trap '' TERM\n" + TreeTests.scatter(marker) + "\nsleep 1000")
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                await fixture.sandbox.destroy()
                #expect(try await Finished(running).terminationCause == .backendDestroyed)
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test(arguments: levels) func temporaryFilesGoWithTheSandbox(level: IsolationLevel) async throws {
            try await SandboxFixture.with(level: level) { fixture in
                let finished = try await fixture.run(
                    "echo text > $TMPDIR/file; mkdir -p $TMPDIR/a/b; chmod 000 $TMPDIR/a; stat -c %a $TMPDIR; echo $TMPDIR"
                )
                let lines = finished.output.split(separator: "\n")
                #expect(lines.first == "700")
                let directory = String(try #require(lines.last))
                #expect(directory.hasPrefix("/tmp/agent-broker-"))
                await fixture.sandbox.destroy()
                #expect(!FileManager.default.fileExists(atPath: directory))
                #expect(!FileManager.default.fileExists(atPath: directory + "/.."))
            }
        }

        @Test func aForkBombIsBoundedAndEnds() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumProcesses = 200
            try await SandboxFixture.with(level: .software, configuration: configuration) { fixture in
                let marker = TreeTests.makeMarker()
                let running = try await fixture.start(
                    fixture.command(
                        "export MARKER=\(marker); bomb() { echo on; bomb & bomb & wait; }; bomb 2> /dev/null"
                    )
                )
                for _ in 0..<100 { try #require(await running.readLine() == "on\n") }
                running.terminate(.cancelled)
                running.closeOutput()
                #expect(try await Finished(running).terminationCause == .cancelled)
                #expect(Host.processes(with: marker) == [])
            }
        }

        /// Nothing but namespaces holds these off.
        private static let unheld: Set = [
            "command lines", "unix socket", "shared memory", "more processes than are counted",
        ]

        @Test(.enabled(if: geteuid() == 0), arguments: AttackTests.Attack.all.filter { !unheld.contains($0.name) })
        func landlockHoldsOff(attack: AttackTests.Attack) async throws {
            try await SandboxFixture.with(level: .landlock) { fixture in
                let host = try Host.Outside(beside: fixture)
                defer { host.end() }
                #expect(
                    try host.run(attack.line, asRoot: attack.needsRoot).contains("reached"),
                    "it does not work outside either"
                )
                var command = fixture.command(attack.line)
                command.environment = try host.environment
                let finished = try await fixture.run(command)
                #expect(!finished.output.contains("reached"), "\(finished.output)")
                #expect(kill(host.victim, 0) == 0)
            }
        }

        @Test func landlockKeepsACommandFromItsInitAndAgent() async throws {
            try await SandboxFixture.with(level: .landlock) { fixture in
                let finished = try await fixture.run("kill -9 $PPID; kill -STOP $PPID; kill -9 -1; echo $?")
                #expect(finished.output == "0\n" && finished.exitCode == 0, "\(finished)")
                #expect(try await fixture.run("echo again").output == "again\n")
            }
        }

        @Test func aCommandThatKillsItsInitIsTheOnlyOneToEnd() async throws {
            try await SandboxFixture.with(level: .software) { fixture in
                let marker = TreeTests.makeMarker()
                let other = try await fixture.start(fixture.command("echo ready; read line; echo $line"))
                _ = other
                let finished = try await fixture.run(TreeTests.scatter(marker) + "\nkill -9 $PPID; sleep 1000")
                #expect(finished.signal == SIGKILL, "\(finished)")
                #expect(Host.processes(with: marker) == [])
                #expect(try await Finished(other).output == "ready\n\n")
            }
        }
    }
}
