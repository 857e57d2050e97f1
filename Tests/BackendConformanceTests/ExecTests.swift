import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Commands {
        @Test(arguments: Subject.all)
        func memoryRunsNone(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                guard !tested.capabilities.hasShell else { return }
                #expect(try await failure { try await tested.backend.exec("true") }.code == .notImplemented)
            }
        }

        @Test(arguments: Subject.all)
        func aCommandRunsWhereTheFilesAre(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                try await tested.backend.write("d/f", "contents")
                #expect(try await tested.backend.exec("cat d/f; pwd; ls -A") == "contents/workspace\nd\n")
                try await tested.backend.exec("echo made > g; mkdir e")
                #expect(try await tested.backend.readText("g") == "made\n")
                var request = ExecRequest(.arguments(["pwd"].map { Array($0.utf8) }))
                request.workingDirectory = try WorkspacePath("d")
                let result = try await tested.backend.run(request)
                #expect(String(buffer: result.standardOutput) == "/workspace/d\n")
                #expect(result.isSuccess)
                #expect(!result.isolation.isEmpty)
            }
        }

        @Test(arguments: Subject.all)
        func bothStreamsAndTheExitCodeAreTold(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let result = try await tested.backend.run(line("echo out; echo err >&2; exit 7"))
                #expect(String(buffer: result.standardOutput) == "out\n")
                #expect(String(buffer: result.standardError) == "err\n")
                #expect(result.exitCode == 7)
                let error = try await failure { try await tested.backend.exec("echo why >&2; exit 7") }
                #expect(error.code == .execFailed)
                #expect(error.message.contains("exit code 7"))
                #expect(error.message.contains("why"))
                #expect((error.cause as? CommandFailure)?.result.exitCode == 7)
                #expect(try await tested.backend.run(line("kill -9 $$")).exitCode == 137)
            }
        }

        @Test(arguments: Subject.all, [Int32(9), 15])
        func aSignalReachesACommand(subject: Subject, signal: Int32) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let command = try await tested.backend.start(line("echo up; sleep 1000"))
                #expect(try await command.readOutput(.standardOutput, upTo: 3) == ByteBuffer(string: "up\n"))
                try await command.signal(signal)
                for stream in CommandStream.allCases {
                    while try await command.readOutput(stream, upTo: 1024) != nil {}
                }
                #expect(await command.waitForEnd().outcome.exitCode == 128 + UInt32(signal))
                // It has ended: nothing happens.
                try await command.signal(signal)
            }
        }

        @Test(arguments: Subject.all)
        func outputIsBytes(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let bytes = try await tested.backend.execBytes(#"printf '\377\000\001'"#)
                #expect(bytes == ByteBuffer(bytes: [0xff, 0, 1]))
                let contents = Pattern.bytes(3 << 20)
                try await tested.backend.write("large", contents)
                #expect(try await tested.backend.execBytes("cat large") == contents)
            }
        }

        @Test(arguments: Subject.all)
        func moreOutputThanIsKeptIsCut(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let result = try await tested.backend.run(
                    line("head -c 3000000 /dev/zero | tr '\\0' x; echo end"),
                    maximumOutputLength: 100
                )
                #expect(result.standardOutputCount == 3_000_004)
                let text = String(buffer: result.standardOutput)
                #expect(text.hasPrefix("xxx"))
                #expect(text.hasSuffix("xend\n"))
                #expect(text.contains("of 3000004 bytes left out"))
            }
        }

        @Test(arguments: Subject.all)
        func inputIsWhatIsGivenAndElseAtItsEnd(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                #expect(try await tested.backend.exec("cat") == "")
                #expect(try await tested.backend.exec("tr a-z A-Z", input: ByteBuffer(string: "abc")) == "ABC")
                let contents = Pattern.bytes(3 << 20)
                #expect(try await tested.backend.execBytes("cat", input: contents) == contents)
                // One that does not read its input is not held up by it.
                #expect(try await tested.backend.exec("echo done", input: contents) == "done\n")
            }
        }

        @Test(arguments: Subject.all)
        func theEnvironmentIsLayered(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let outer = try tested.backend.scope(
                    "outer",
                    configuration: ScopeConfiguration(environment: Environment(["A": "outer", "B": "outer"]))
                )
                let inner = try outer.scope(
                    "inner",
                    configuration: ScopeConfiguration(environment: Environment(["B": "inner", "C": "inner"]))
                )
                let command = #"echo "$A $B $C $HOME $PWD""#
                #expect(try await outer.exec(command) == "outer outer  /workspace /workspace\n")
                #expect(try await inner.exec(command) == "outer inner inner /workspace /workspace\n")
                let called = try await inner.exec(command, environment: Environment(["C": "call"]))
                #expect(called == "outer inner call /workspace /workspace\n")
                let names = try await tested.backend.exec("env | cut -d= -f1 | grep -c AGENT_BROKER || true")
                #expect(names == "0\n", "nothing of the process's own leaks in")
            }
        }

        @Test(arguments: Subject.all)
        func aScopesCommandIsConfinedToIt(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                try await tested.backend.write("secret", "x")
                let scope = try tested.backend.scope("confined")
                try await scope.write("own", "y")
                #expect(
                    try await scope.exec("ls -A /workspace; ls -A /workspace/..  | grep -c secret || true")
                        == "own\n0\n"
                )
            }
        }

        @Test(arguments: Subject.all)
        func aTimeoutEndsTheWholeTree(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = line("sleep 1000 & sleep 1000")
                request.timeout = .milliseconds(200)
                let result = try await tested.backend.run(request)
                #expect(result.end.outcome == .timedOut(after: .milliseconds(200)))
                #expect(try await failure { try result.requireSuccess() }.code == .execFailed)
            }
        }

        @Test(arguments: Subject.all)
        func aCommandIsTalkedTo(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = line("while read line; do echo \"<$line>\"; done")
                request.opensStandardInput = true
                let command = try await tested.backend.start(request)
                for word in ["one", "two"] {
                    try await command.writeInput(ByteBuffer(string: "\(word)\n"))
                    var answer = ""
                    while !answer.hasSuffix("\n"), let bytes = try await command.readOutput(.standardOutput, upTo: 100)
                    {
                        answer += String(buffer: bytes)
                    }
                    #expect(answer == "<\(word)>\n")
                }
                command.closeInput()
                #expect(try await command.readOutput(.standardOutput, upTo: 1) == nil)
                #expect(try await command.readOutput(.standardError, upTo: 1) == nil)
                #expect(await command.waitForEnd().outcome == .exited(code: 0))
            }
        }

        @Test(arguments: Subject.all)
        func aCommandIsTerminated(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let command = try await tested.backend.start(line("echo begun; sleep 1000"))
                #expect(try await command.readOutput(.standardOutput, upTo: 100) == ByteBuffer(string: "begun\n"))
                command.terminate()
                #expect(await command.waitForEnd().outcome == .cancelled)
                #expect(try await command.readOutput(.standardError, upTo: 1) == nil)
            }
        }

        @Test(arguments: Subject.all)
        func aDestroyedBackendsCommandsAreEnded(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let commands = [
                    try await tested.backend.start(line("touch begun; sleep 1000 & sleep 1000")),
                    try await tested.backend.scope("s").start(line("sleep 1000")),
                ]
                while try await !tested.backend.exists("begun") {}
                await tested.outermost.destroy()
                for command in commands { #expect(await command.waitForEnd().outcome == .cancelled) }
            }
        }

        @Test(arguments: Subject.all)
        func aCommandRunsInADirectory(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                try await tested.backend.mkdir("d/e")
                #expect(try await tested.backend.exec("pwd", workingDirectory: "d/e") == "/workspace/d/e\n")
                let bytes = try await tested.backend.execBytes("pwd", workingDirectory: "/workspace/d")
                #expect(bytes == ByteBuffer(string: "/workspace/d\n"))
                let outside = try await failure { try await tested.backend.exec("pwd", workingDirectory: "..") }
                #expect(outside.code == .pathEscapeAttempt)
            }
        }

        @Test(arguments: Subject.all)
        func cancellingEndsTheCommand(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let error = try await withThrowingTaskGroup(of: BackendError?.self) { group in
                    group.addTask { try await failure { try await tested.backend.exec("touch begun; sleep 1000") } }
                    while try await !tested.backend.exists("begun") {}
                    group.cancelAll()
                    return try await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
            }
        }

        @Test(arguments: Subject.all)
        func whatCannotBeStartedIsToldSo(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                #expect(try await failure { try await tested.backend.exec("  ") }.code == .emptyCommand)
                let missing = ExecRequest(.arguments([Array("no-such-program".utf8)]))
                #expect(try await failure { try await tested.backend.run(missing) }.code == .execError)
            }
        }

        @Test(arguments: Subject.all)
        func aScopesLoggerGetsItsCommands(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let records = Records()
                let scope = try tested.backend.scope("x", configuration: ScopeConfiguration(operationsLogger: records))
                _ = try? await scope.exec("echo 12345; exit 3")
                let record = try #require(records.all.first)
                #expect(records.all.count == 1)
                #expect(record.operation == "exec")
                #expect(record.subject == "echo 12345; exit 3")
                #expect(record.exitCode == 3)
                #expect(record.bytes == 6)
            }
        }
    }
}

private func line(_ text: String) -> ExecRequest { ExecRequest(.shellLine(Array(text.utf8))) }

/// Of a subject that has a shell, on a host that can isolate commands.
func withShell(_ subject: Subject, _ body: (Tested) async throws -> Void) async throws {
    try await withSubject(subject) { (tested: Tested) async throws in
        if tested.runsCommands { try await body(tested) }
    }
}
