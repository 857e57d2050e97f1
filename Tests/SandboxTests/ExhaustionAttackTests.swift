import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// Commands that take all that there is of something: outside they get it, inside only as much as their limits say, and
    /// another tenant does not notice.
    @Suite struct ExhaustionAttackTests {
        struct Attack: Sendable, CustomTestStringConvertible {
            let name: String
            /// For bash; prints "reached" where it got more than it is to get.
            let line: String
            var limits = ExecLimits()
            /// What is wrong with its end. Nil: nothing.
            let judge: @Sendable (Finished) -> Bool

            var testDescription: String { name }

            private static func python(_ program: String) -> String { "/usr/bin/python3 - <<'END'\n\(program)\nEND" }

            private static func isFull(_ finished: Finished) -> Bool { finished.error.contains("No space left") }

            static let all = [
                Attack(
                    name: "memory",
                    line: "exec /usr/bin/python3 -c 'bytearray(200 << 20); print(\"reached\")'",
                    limits: ExecLimits(memoryBytes: 64 << 20)
                ) { if case .outOfMemory = $0.end.outcome { true } else { false } },
                Attack(
                    name: "processes",
                    line: python(
                        """
                        import os, signal
                        children = [0] * 200
                        for number in range(200):
                            children[number] = os.fork()
                            if children[number] == 0: signal.pause()
                        for child in children: os.kill(child, 9)
                        print("reached")
                        """
                    ),
                    limits: ExecLimits(processes: 50)
                ) { $0.end.reachedProcessLimit },
                Attack(
                    name: "disk",
                    line: "head -c 50000000 /dev/zero > file && rm file && echo reached",
                    limits: ExecLimits(fileBytes: 16 << 20)
                ) { $0.exitCode == UInt8(128 + SIGXFSZ) },
                Attack(
                    name: "processors",
                    line: python(
                        """
                        import time
                        while time.process_time() < 0.7: pass
                        print("reached")
                        """
                    ),
                    limits: ExecLimits(cpuTime: .milliseconds(300))
                ) { $0.terminationCause == .processorTime(.milliseconds(300)) },
                Attack(
                    name: "descriptors",
                    line: "ulimit -n 3000\n"
                        + python("import os\nfor _ in range(2000): os.open('/dev/null', 0)\nprint('reached')")
                ) { $0.error.contains("Too many open files") },
                Attack(
                    name: "temporary directory",
                    line: "head -c 40000000 /dev/zero > /tmp/$$ && rm /tmp/$$ && echo reached",
                    judge: isFull
                ),
                Attack(
                    name: "shared memory",
                    line: "head -c 40000000 /dev/zero > /dev/shm/$$ && rm /dev/shm/$$ && echo reached",
                    judge: isFull
                ),
            ]
        }

        @Test(.enabled(if: Host.hasControlGroups), arguments: Attack.all) func takesNoMoreThanItMay(
            attack: Attack
        ) async throws {
            var configuration = CommandRunner.Configuration()
            configuration.temporaryDirectorySize = 16 << 20
            configuration.sharedMemorySize = 16 << 20
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let host = try Host.Outside(beside: fixture)
                defer { host.end() }
                #expect(try host.run(attack.line).contains("reached"), "it does not work outside either")
                let neighbour = try await fixture.start(fixture.command("echo calm; sleep 1000"))
                #expect(try await neighbour.readLine() == "calm\n")

                let limits = attack.limits
                let tenant = CommandTenant(name: "attacker") { CommandTenant.Limits(exec: limits) }
                let sandbox = WarmSandbox(fixture.runner, identity: fixture.identity, tenant: tenant)
                var command = fixture.command(attack.line)
                command.limits = ExecLimits(cpuTime: limits.cpuTime, fileBytes: limits.fileBytes)
                let finished = try await Finished(sandbox.start(command))
                #expect(!finished.output.contains("reached"), "\(finished)")
                #expect(attack.judge(finished), "\(finished)")
                // It may go on.
                #expect(try await Finished(sandbox.start(fixture.command("echo next"))).output == "next\n")
                #expect(!neighbour.hasEnded)
                neighbour.terminate(.cancelled)
                #expect(try await Finished(neighbour).terminationCause == .cancelled)
                await sandbox.destroy()
            }
        }
    }
}
