import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// What one command, a sandbox and a tenant may use, by real processes. Others do not notice.
    @Suite struct LimitTests {
        /// Starts processes until it cannot, and says how many there were and why no more.
        static let forks = """
            import os, signal
            made = 0
            try:
                while made < 500:
                    if os.fork() == 0: signal.pause()
                    made += 1
                print("all")
            except OSError as error: print(made, error.errno)
            """

        private static func limited(_ fixture: SandboxFixture, _ line: String, _ limits: ExecLimits) -> Command {
            var command = fixture.command(line)
            command.limits = limits
            return command
        }

        private static func forking(_ fixture: SandboxFixture, _ limits: ExecLimits = ExecLimits()) -> Command {
            var command = fixture.command(["/usr/bin/python3", "-c", forks])
            command.limits = limits
            return command
        }

        // MARK: Of the whole tree

        @Test(.enabled(if: Host.hasControlGroups)) func memoryOfOneCommandIsItsOwn() async throws {
            try await SandboxFixture.with { fixture in
                let large = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}"
                let (limited, free) = try await (
                    fixture.run(Self.limited(fixture, large + "; true", ExecLimits(memoryBytes: 32 << 20))),
                    fixture.run(large)
                )
                guard case .outOfMemory = limited.end.outcome else {
                    Issue.record("\(limited)")
                    return
                }
                #expect(free.output == "60000000\n")
                // A file in memory counts as well.
                let file = Self.limited(
                    fixture,
                    "exec head -c 60000000 /dev/zero > /tmp/x",
                    ExecLimits(memoryBytes: 32 << 20)
                )
                guard case .outOfMemory = try await fixture.run(file).end.outcome else {
                    Issue.record("a file did not count")
                    return
                }
            }
        }

        @Test(.enabled(if: Host.hasControlGroups)) func processesOfOneCommandAreItsOwn() async throws {
            try await SandboxFixture.with { fixture in
                let limited = try await fixture.run(Self.forking(fixture, ExecLimits(processes: 10)))
                #expect(limited.output == "9 11\n")
                #expect(limited.end.reachedProcessLimit)
                let free = try await fixture.run(Self.forking(fixture))
                #expect(free.output == "all\n")
                #expect(!free.end.reachedProcessLimit)
            }
        }

        /// Each of its processes uses little, and several run at a time.
        @Test(.enabled(if: Host.hasControlGroups)) func processorTimeIsThatOfTheTree() async throws {
            try await SandboxFixture.with { fixture in
                let line =
                    "spin() { while :; do bash -c 'for ((i = 0; i < 2000; i++)); do :; done'; done; }; spin & spin"
                let limit = Duration.milliseconds(300)
                let finished = try await fixture.run(Self.limited(fixture, line, ExecLimits(cpuTime: limit)))
                #expect(finished.terminationCause == .processorTime(limit))
                let usage = finished.end.usage
                #expect(usage.user + usage.system >= limit - .milliseconds(20))
                // One that waits uses none.
                let waits = try await fixture.run(
                    Self.limited(fixture, "sleep 0.5; echo end", ExecLimits(cpuTime: limit))
                )
                #expect(waits.output == "end\n" && waits.exitCode == 0)
            }
        }

        @Test(.enabled(if: Host.hasControlGroups)) func groupsOfCommandsEndWithThem() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumSpareSandboxes = 0
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let all = ExecLimits(cpuTime: .seconds(10), memoryBytes: 32 << 20, processes: 10)
                for line in ["true", "sleep 1000 & true", "kill -9 $$", "/no/program"] {
                    _ = try await fixture.run(Self.limited(fixture, line, all))
                }
                var missing = fixture.command(["/no/program"])
                missing.limits = all
                await expectError(.execError, .notFound) { _ = try await fixture.run(missing) }
                var terminal = Self.limited(fixture, "echo end", all)
                terminal.terminal = TerminalSize(rows: 24, columns: 80)
                #expect(try await fixture.run(terminal).output == "end\r\n")
                let killed = try await fixture.start(Self.limited(fixture, "sleep 1000", all))
                try killed.signal(SIGKILL)
                _ = await killed.waitForEnd()
                // Of the runner, its tenant, and the sandbox.
                #expect(Host.controlGroupsBeneath(Host.memoryGroup) == 3)
            }
            #expect(Host.controlGroups == [])
        }

        // MARK: Of each process

        @Test func openFilesAreCounted() async throws {
            try await SandboxFixture.with { fixture in
                let line = "ulimit -n; ulimit -Hn; ulimit -n 100 2> /dev/null || echo stays"
                let finished = try await fixture.run(Self.limited(fixture, line, ExecLimits(openFiles: 20)))
                #expect(finished.output == "20\n20\nstays\n")
                #expect(try await fixture.run("ulimit -n").output == "1024\n")
            }
        }

        @Test func aFileThatIsTooLongEndsItsProgram() async throws {
            try await SandboxFixture.with { fixture in
                let line = "exec head -c 3000000 /dev/zero > file"
                let limits = ExecLimits(fileBytes: 1 << 20)
                let finished = try await fixture.run(Self.limited(fixture, line, limits))
                guard case .fileSize(1 << 20) = finished.end.outcome else {
                    Issue.record("\(finished.end)")
                    return
                }
                #expect(try await fixture.run("stat -c %s file").output == "1048576\n")
                #expect(try await fixture.run(line + "; stat -c %s file").exitCode == 0)
            }
        }

        // MARK: Output

        @Test func outputOverItsLimitEndsTheTree() async throws {
            try await SandboxFixture.with { fixture in
                let limits = ExecLimits(outputBytes: 100_000)
                let line = "trap '' TERM; (exec yes) & (exec yes >&2) & sleep 1000 & wait"
                var command = Self.limited(fixture, line, limits)
                command.grace = .milliseconds(1)
                let finished = try await fixture.run(command)
                #expect(finished.terminationCause == .output(100_000))
                #expect(finished.output.utf8.count + finished.error.utf8.count == 100_000)
                let exact = try await fixture.run(Self.limited(fixture, "head -c 100000 /dev/zero", limits))
                #expect(exact.exitCode == 0 && exact.output.utf8.count == 100_000)
            }
        }

        /// It has written all and ended before anybody reads.
        @Test func outputOverItsLimitIsToldOfWhoeverIsFirst() async throws {
            try await SandboxFixture.with { fixture in
                let limits = ExecLimits(outputBytes: 10_000)
                let running = try await fixture.start(Self.limited(fixture, "head -c 20000 /dev/zero", limits))
                let end = await running.waitForEnd()
                guard case .terminated(.output(10_000)) = end.outcome else {
                    Issue.record("ended as \(end.outcome)")
                    return
                }
                #expect(end.usage.standardOutputBytes == 20_000)
                #expect(try await running.readAll(.standardOutput).utf8.count == 10_000)
                #expect(try await running.readAll(.standardError).isEmpty)
            }
        }

        // MARK: Of sandboxes and tenants

        @Test(.enabled(if: Host.hasControlGroups)) func aTenantSharesWhatItHasAndOthersDoNotNotice() async throws {
            try await SandboxFixture.with { fixture in
                let tenant = CommandTenant(name: "one") { CommandTenant.Limits(exec: ExecLimits(processes: 40)) }
                let (first, second) = (
                    WarmSandbox(fixture.runner, identity: fixture.identity, tenant: tenant),
                    WarmSandbox(fixture.runner, identity: fixture.identity, tenant: tenant)
                )
                let holder = try await first.start(
                    fixture.command(
                        ["/usr/bin/python3", "-uc", Self.forks + "\nsignal.pause()"]
                    )
                )
                #expect(try await holder.readLine().hasSuffix(" 11\n"))
                // Not even a sandbox can be made beside it.
                let refused = try await Self.outcome { try await Finished(second.start(fixture.command("echo in"))) }
                #expect(refused != "in\n")
                #expect(try await fixture.run(Self.forking(fixture)).output == "all\n")
                holder.terminate(.cancelled)
                _ = await holder.waitForEnd()
                #expect(try await Finished(second.start(fixture.command("echo in"))).output == "in\n")
                await first.destroy()
                await second.destroy()
            }
        }

        private static func outcome(_ body: () async throws -> Finished) async throws -> String {
            do {
                return try await body().output
            } catch is BackendError {
                return "refused"
            }
        }

        @Test(.enabled(if: Host.hasControlGroups)) func aSandboxMayHaveLessThanItsTenant() async throws {
            try await SandboxFixture.with { fixture in
                let small = WarmSandbox(
                    fixture.runner,
                    identity: fixture.identity,
                    limits: ExecLimits(memoryBytes: 64 << 20, processes: 12)
                )
                let finished = try await Finished(small.start(Self.forking(fixture)))
                #expect(finished.output.hasSuffix(" 11\n"))
                let large = try await Finished(small.start(fixture.command("exec tail /dev/zero")))
                guard case .outOfMemory = large.end.outcome else {
                    Issue.record("\(large.end)")
                    return
                }
                #expect(try await fixture.run(Self.forking(fixture)).output == "all\n")
                await small.destroy()
            }
        }

        // MARK: Without control groups

        @Test func withoutThemLimitsOfTheTreeAreRefusedOrHoldForEachProcess() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.controlGroups.mounts = "/dev/null"
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let report = fixture.runner.limitMechanisms
                #expect(report.map(\.limit) == ["memory", "processes", "CPU share", "CPU time", "host network"])
                #expect(report.allSatisfy { !$0.isProven && $0.explanation.contains("mount cgroup2") })
                #expect(try await fixture.run("echo runs").output == "runs\n")
                for limits in [ExecLimits(memoryBytes: 32 << 20), ExecLimits(processes: 10)] {
                    await expectError(.missingUtilities) {
                        _ = try await fixture.run(Self.limited(fixture, "true", limits))
                    }
                    let sandbox = WarmSandbox(fixture.runner, identity: fixture.identity, limits: limits)
                    await expectError(.missingUtilities) { _ = try await sandbox.start(fixture.command("true")) }
                }
                let spin = Self.limited(fixture, "while :; do :; done", ExecLimits(cpuTime: .milliseconds(300)))
                let finished = try await fixture.run(spin)
                #expect(finished.terminationCause == .processorTime(.milliseconds(300)))
            }
        }

        @Test(.enabled(if: geteuid() == 0)) func withoutThemProcessesOfAUserAreCounted() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.controlGroups.membership = "/dev/null"
            configuration.maximumProcesses = 30
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run(Self.forking(fixture))
                #expect(finished.output.hasSuffix(" 11\n"))
            }
        }
    }
}
