import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct RunTests {
        @Test func runsAShellLine() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("echo hello && echo to-error >&2")
                #expect(finished.output == "hello\n")
                #expect(finished.error == "to-error\n")
                #expect(finished.exitCode == 0)
            }
        }

        @Test func aLineThatBeginsWithADashIsACommand() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("-x")
                #expect(finished.exitCode == 127)
            }
        }

        @Test func runsArgumentsWithoutAShell() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run(fixture.command(["printf", "%s|", "a b", "$HOME", "", "*"]))
                #expect(finished.output == "a b|$HOME||*|")
            }
        }

        @Test(arguments: [0, 1, 2, 42, 126, 127, 128, 254, 255] as [UInt8])
        func reportsTheExitCode(code: UInt8) async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("exit \(code)")
                #expect(finished.exitCode == code)
            }
        }

        @Test(arguments: [SIGHUP, SIGKILL, SIGSEGV, SIGTERM])
        func reportsTheSignalThatEndedTheProgram(signal: Int32) async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("kill -\(signal) $$")
                #expect(finished.signal == signal)
            }
        }

        @Test func theEnvironmentIsBuiltFromNothing() async throws {
            setenv("BROKER_SECRET", "leaked", 1)
            defer { unsetenv("BROKER_SECRET") }
            try await SandboxFixture.with { fixture in
                var command = fixture.command(["/usr/bin/env"])
                command.environment = try Environment(["ORG": "one two", "TERM": "mine"])
                let variables = try await fixture.run(command).output.split(separator: "\n").sorted()
                let shell = FileManager.default.fileExists(atPath: "/bin/bash") ? "/bin/bash" : "/bin/sh"
                #expect(
                    variables == [
                        "HOME=/workspace", "LANG=C.UTF-8", "ORG=one two",
                        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "PWD=/workspace",
                        "SHELL=\(shell)", "TERM=mine", "TMPDIR=/tmp", "USER=agent",
                    ]
                )
            }
        }

        @Test func runsAsItsIdentity() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("id -u; id -g; id -G; whoami; pwd; touch made")
                let (uid, gid) = (SandboxFixture.uid, SandboxFixture.gid)
                #expect(finished.output == "\(uid)\n\(gid)\n\(gid)\nagent\n/workspace\n")
                let owner = try FileManager.default.attributesOfItem(atPath: fixture.path("made"))[.ownerAccountID]
                #expect(owner as? Int == Int(uid))
            }
        }

        @Test func neverRunsAsRoot() async throws {
            try await SandboxFixture.with { fixture in
                let asRoot = WarmSandbox(fixture.runner, identity: HostIdentity(uid: 0, gid: 0))
                await expectError(.invalidArgument) { _ = try await asRoot.start(fixture.command("true")) }
                guard geteuid() == 0 else { return }
                let asBroker = WarmSandbox(fixture.runner, identity: nil)
                await expectError(.invalidArgument) { _ = try await asBroker.start(fixture.command("true")) }
            }
        }

        @Test func startsInItsWorkingDirectory() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("deep"))
                try SandboxFixture.makeDirectory(fixture.path("deep/er"))
                var command = fixture.command("pwd; echo $PWD")
                command.workingDirectory = Array("deep/er".utf8)
                #expect(try await fixture.run(command).output == "/workspace/deep/er\n/workspace/deep/er\n")
            }
        }

        @Test func refusesAWorkingDirectoryThatIsNone() async throws {
            try await SandboxFixture.with { fixture in
                try fixture.write("", to: "file")
                symlink("/etc", fixture.path("out"))
                let cases: [(String, BackendError.Code, BackendError.Reason?)] = [
                    ("missing", .execError, .notFound), ("file", .execError, .notDirectory),
                    ("out", .pathEscapeAttempt, nil),
                ]
                for (directory, code, reason) in cases {
                    var command = fixture.command("touch ran")
                    command.workingDirectory = Array(directory.utf8)
                    let started = command
                    await expectError(code, reason) { _ = try await fixture.start(started) }
                }
                #expect(!FileManager.default.fileExists(atPath: fixture.path("ran")))
            }
        }

        @Test func aWorkingDirectoryThatMayNotBeEnteredIsAnError() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("closed"))
                chmod(fixture.path("closed"), 0)
                defer { chmod(fixture.path("closed"), 0o700) }
                var command = fixture.command("true")
                command.workingDirectory = Array("closed".utf8)
                let started = command
                await expectError(.execError, .denied) { _ = try await fixture.run(started) }
            }
        }

        @Test func tellsWhyAProgramCannotBeRun() async throws {
            try await SandboxFixture.with { fixture in
                try fixture.write("#!/bin/sh\n", to: "plain", mode: 0o644)
                try fixture.write("#!/no/such/interpreter\n", to: "script", mode: 0o755)
                try SandboxFixture.makeDirectory(fixture.path("directory"))
                try fixture.write("MZ", to: "foreign", mode: 0o755)
                let cases: [(String, BackendError.Reason?, SpawnFailure.Kind, Int32)] = [
                    ("no-such-program", .notFound, .programNotFound, ENOENT),
                    ("/workspace/missing", .notFound, .programNotFound, ENOENT),
                    ("/workspace/plain", .denied, .notExecutable, EACCES),
                    ("/workspace/script", .notFound, .interpreterNotFound, ENOENT),
                    ("/workspace/directory", .denied, .notExecutable, EACCES),
                    ("/workspace/plain/x", .notDirectory, .programNotFound, ENOTDIR),
                    ("/workspace/foreign", nil, .notExecutable, ENOEXEC),
                ]
                for (name, reason, kind, code) in cases {
                    let running = try await fixture.start(fixture.command([name]))
                    await expectError(.execError, reason) { _ = try await Finished(running) }
                    guard case .failed(let failure, let error) = await running.waitForEnd().outcome else {
                        Issue.record("\(name) was run")
                        continue
                    }
                    #expect(failure == SpawnFailure(kind: kind, systemErrno: code, stage: .program), "\(name)")
                    #expect(error.message.hasSuffix(": " + name) && error.systemErrno == code)
                }
            }
        }

        @Test func findsAProgramByTheCommandsOwnPath() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("bin"))
                try fixture.write("not executable", to: "tool")
                try fixture.write("#!/bin/sh\necho mine", to: "bin/tool", mode: 0o755)
                var command = fixture.command(["tool"])
                command.environment = try Environment(["PATH": "/none::/workspace/bin:/usr/bin"])
                #expect(try await fixture.run(command).output == "mine\n")
            }
        }

        @Test func refusesWhatIsNoCommand() async throws {
            try await SandboxFixture.with { fixture in
                for command in [
                    fixture.command(""), fixture.command(" \t\n"), fixture.command([]), fixture.command([""]),
                ] {
                    await expectError(.emptyCommand) { _ = try await fixture.start(command) }
                }
                let withNUL = fixture.command("echo \0")
                await expectError(.invalidArgument) { _ = try await fixture.start(withNUL) }
            }
        }

        @Test func refusesWhatIsTooLarge() async throws {
            try await SandboxFixture.with { fixture in
                let long = String(repeating: "x", count: 1024 * 1024)
                let command = fixture.command(["true", long])
                await expectError(.invalidArgument, .tooLarge) { _ = try await fixture.start(command) }
                // Within our limit, but one argument over the kernel's.
                let word = fixture.command(["true", String(repeating: "x", count: 200_000)])
                await expectError(.execError, .tooLarge) { _ = try await fixture.run(word) }
                var variable = fixture.command(["true"])
                variable.environment = try Environment(["LONG": String(repeating: "x", count: 200_000)])
                let withVariable = variable
                await expectError(.execError, .tooLarge) { _ = try await fixture.run(withVariable) }
            }
        }

        /// More than fits into one message to the agent.
        @Test func aLongCommandArrivesWhole() async throws {
            try await SandboxFixture.with { fixture in
                let words = (0..<20_000).map { "word-\($0)" }
                let finished = try await fixture.run(fixture.command(["printf", "%s "] + words))
                #expect(finished.output == words.map { $0 + " " }.joined())
            }
        }

        @Test func measuresWhatItUsed() async throws {
            try await SandboxFixture.with { fixture in
                let line =
                    "head -c 5 /dev/zero; head -c 7 /dev/zero >&2; head -c 30000000 /dev/zero | tail -n 1 | wc -c > f"
                let usage = try await fixture.run(line).end.usage
                #expect(usage.standardOutputBytes == 5 && usage.standardErrorBytes == 7)
                #expect(usage.wall > .zero && usage.user + usage.system > .zero)
                #expect(usage.user + usage.system < usage.wall * 64)
                // tail(1) keeps the line.
                #expect(usage.maximumResidentBytes > 30_000_000)
            }
        }

        @Test func aHostWithoutBubblewrapIsTold() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.bubblewrapPath = "/usr/bin/no-such-bwrap"
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let error = await #expect(throws: BackendError.self) { _ = try await fixture.run("true") }
                #expect(error?.code == .missingUtilities)
                #expect(error?.message.contains("apt-get install bubblewrap") == true)
            }
        }
    }
}
