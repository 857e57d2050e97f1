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
        func reportsASignalAsAShellDoes(signal: Int32) async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("kill -\(signal) $$")
                #expect(finished.exitCode == UInt8(128 + signal))
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
                var command = fixture.command("true")
                command.identity = HostIdentity(uid: 0, gid: 0)
                let asRoot = command
                await expectError(.invalidArgument) { _ = try await fixture.runner.start(asRoot) }
                guard geteuid() == 0 else { return }
                command.identity = nil
                let asBroker = command
                await expectError(.invalidArgument) { _ = try await fixture.runner.start(asBroker) }
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
                    await expectError(code, reason) { _ = try await fixture.runner.start(started) }
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
                let cases: [(String, BackendError.Reason)] = [
                    ("no-such-program", .notFound), ("/workspace/missing", .notFound),
                    ("/workspace/plain", .denied), ("/workspace/script", .notFound),
                    ("/workspace/directory", .denied), ("/workspace/plain/x", .notDirectory),
                ]
                for (name, reason) in cases {
                    let running = try await fixture.runner.start(fixture.command([name]))
                    await expectError(.execError, reason) { _ = try await Finished(running) }
                    guard case .failed(let error) = await running.waitForEnd().outcome else {
                        Issue.record("\(name) was run")
                        continue
                    }
                    #expect(error.message.hasSuffix(": " + name) && error.systemErrno != 0)
                }
            }
        }

        @Test func tellsAFailingCommandFromOneThatWasNotRun() async throws {
            try await SandboxFixture.with { fixture in
                let forged = "echo 'bwrap: execvp /bin/sh: No such file or directory' >&2; exit 1"
                let finished = try await fixture.run(forged)
                #expect(finished.exitCode == 1)
                #expect(finished.error == "bwrap: execvp /bin/sh: No such file or directory\n")
            }
        }

        @Test func refusesWhatIsNoCommand() async throws {
            try await SandboxFixture.with { fixture in
                for command in [
                    fixture.command(""), fixture.command(" \t\n"), fixture.command([]), fixture.command([""]),
                ] {
                    await expectError(.emptyCommand) { _ = try await fixture.runner.start(command) }
                }
                let withNUL = fixture.command("echo \0")
                await expectError(.invalidArgument) { _ = try await fixture.runner.start(withNUL) }
            }
        }

        @Test func refusesWhatIsTooLarge() async throws {
            try await SandboxFixture.with { fixture in
                let long = String(repeating: "x", count: 1024 * 1024)
                let command = fixture.command(["true", long])
                await expectError(.invalidArgument, .tooLarge) { _ = try await fixture.runner.start(command) }
                // Within our limit, but one argument over the kernel's.
                let word = fixture.command(["true", String(repeating: "x", count: 200_000)])
                await expectError(.execError, .tooLarge) { _ = try await fixture.runner.start(word) }
                var variable = fixture.command(["true"])
                variable.environment = try Environment(["LONG": String(repeating: "x", count: 200_000)])
                let withVariable = variable
                await expectError(.execError, .tooLarge) { _ = try await fixture.run(withVariable) }
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
