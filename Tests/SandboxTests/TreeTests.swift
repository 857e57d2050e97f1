import AgentBackend
import CLinux
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Sandbox

extension SandboxTests {
    /// That the whole tree ends, seen from the host.
    @Suite struct TreeTests {
        /// Processes that leave their parent, session and process group in every way. Each carries the marker.
        static func scatter(_ marker: String) -> String {
            """
            export MARKER=\(marker)
            sleep 1000 & nohup sleep 1000 > /dev/null 2>&1 & setsid sleep 1000 & (sleep 1000 &) ; (setsid setsid sleep 1000 &)
            (trap '' TERM HUP INT; sleep 1000 & wait; sleep 1000) &
            echo ready
            """
        }

        static func makeMarker() -> String { "marker-\(UUID().uuidString)" }

        @Test func theEndOfTheLeaderIsTheEndOfAll() async throws {
            try await SandboxFixture.with { fixture in
                let marker = Self.makeMarker()
                let finished = try await fixture.run(Self.scatter(marker))
                #expect(finished.output == "ready\n" && finished.exitCode == 0)
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test func cancellingEndsAll() async throws {
            let clock = ManualClock()
            try await SandboxFixture.with(clock: clock) { fixture in
                let marker = Self.makeMarker()
                var command = fixture.command("trap '' TERM\n" + Self.scatter(marker) + "\nsleep 1000")
                command.grace = .seconds(7)
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                #expect(Host.processes(with: marker).count >= 6)
                running.terminate(.cancelled)
                running.terminate(.backendDestroyed)
                await clock.sleeperArrived(for: .seconds(7))
                // Those that ignore the signal have their grace.
                #expect(!Host.processes(with: marker).isEmpty)
                clock.advance(by: .seconds(7))
                let finished = try await Finished(running)
                #expect(finished.terminationCause == .cancelled)
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test func theDeadlineEndsAll() async throws {
            let clock = ManualClock()
            try await SandboxFixture.with(clock: clock) { fixture in
                let marker = Self.makeMarker()
                var command = fixture.command(Self.scatter(marker) + "\nsleep 1000")
                command.deadline = .seconds(60)
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                await clock.sleeperArrived(for: .seconds(60))
                clock.advance(by: .seconds(60))
                let finished = try await Finished(running)
                #expect(finished.terminationCause == .deadline(.seconds(60)))
                #expect(Host.processes(with: marker) == [])
            }
        }

        @Test func theLongestLifetimeIsTheDeadlineOfACommandWithoutOne() async throws {
            let clock = ManualClock()
            var configuration = CommandRunner.Configuration()
            configuration.maximumLifetime = .seconds(30)
            try await SandboxFixture.with(configuration: configuration, clock: clock) { fixture in
                let running = try await fixture.start(fixture.command("sleep 1000"))
                await clock.sleeperArrived(for: .seconds(30))
                clock.advance(by: .seconds(30))
                #expect(try await Finished(running).terminationCause == .deadline(.seconds(30)))
            }
        }

        @Test func theWholeTreeSeesTheSignalBeforeItIsKilled() async throws {
            // The clock stands still: nobody is killed after a grace.
            try await SandboxFixture.with(clock: ManualClock()) { fixture in
                let line = """
                    trap 'echo leader; while [ ! -e deep ]; do sleep 0.01; done; exit 3' TERM
                    setsid bash -c 'trap "echo deep > deep; exit" TERM; echo ready; while :; do sleep 0.01; done' &
                    wait; wait
                    """
                let running = try await fixture.start(fixture.command(line))
                #expect(try await running.readLine() == "ready\n")
                running.terminate(.cancelled)
                let finished = try await Finished(running)
                #expect(finished.output == "leader\n")
                #expect(FileManager.default.fileExists(atPath: fixture.path("deep")))
            }
        }

        @Test func terminatingAnEndedCommandIsHarmless() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.start(fixture.command("exit 4"))
                #expect(try await Finished(running).exitCode == 4)
                running.terminate(.cancelled)
                #expect(try await Finished(running).exitCode == 4)
            }
        }

        /// Of what is remembered of commands nothing is left to the system but the memory.
        @Test func anEndedCommandThatIsKeptHoldsNothing() async throws {
            var configuration = CommandRunner.Configuration()
            // While one is made it holds descriptors, too.
            configuration.maximumSpareSandboxes = 0
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let other = WarmSandbox(fixture.runner, identity: fixture.identity)
                #expect(try await fixture.run("exit 3").exitCode == 3)
                await fixture.sandbox.destroy()
                let before = Host.openDescriptors
                let kept = try await other.start(fixture.command("exit 4"))
                #expect(try await Finished(kept).exitCode == 4)
                #expect(Host.openDescriptors > before)
                await other.destroy()
                while Host.openDescriptors > before { await Task.yield() }
                #expect(try await Finished(kept).exitCode == 4)
            }
        }

        @Test func leavesNoZombieAndNoDescriptor() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumSpareSandboxes = 0
            try await SandboxFixture.with(configuration: configuration) { fixture in
                _ = try await fixture.run("true")
                let (before, children) = (Host.openDescriptors, Host.children)
                try await withThrowingTaskGroup { group in
                    for lane in 0..<4 {
                        group.addTask {
                            for number in 0..<50 { try await Self.runOne(lane + number, in: fixture) }
                        }
                    }
                    try await group.waitForAll()
                }
                // Streams that nobody read to their ends go when those who saw to their commands have.
                while Host.openDescriptors > before { await Task.yield() }
                #expect(Host.openDescriptors == before)
                #expect(Host.children == children)
                await fixture.sandbox.destroy()
                #expect(Host.openDescriptors < before)
                #expect(Host.children == [])
            }
        }

        /// Commands that end in different ways, and starts that fail or are given up.
        private static func runOne(_ number: Int, in fixture: SandboxFixture) async throws {
            switch number % 5 {
            case 0:
                _ = try await fixture.run("sleep 1000 & echo hi")
            case 1:
                await expectError(.execError, .notFound) { _ = try await fixture.run(fixture.command(["missing"])) }
            case 2:
                let running = try await fixture.start(fixture.command("sleep 1000"))
                running.terminate(.cancelled)
                _ = try await Finished(running)
            case 3:
                var command = fixture.command("true")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                running.closeOutput()
                _ = await running.waitForEnd()
            default:
                await withTaskGroup { group in
                    group.addTask {
                        withUnsafeCurrentTask { $0?.cancel() }
                        await expectError(.cancelled) { _ = try await fixture.start(fixture.command("sleep 1000")) }
                    }
                }
            }
        }

        // MARK: The sandbox itself

        @Test func destroyingASandboxEndsAllThatRunsInIt() async throws {
            try await SandboxFixture.with { fixture in
                let marker = Self.makeMarker()
                let running = try await fixture.start(fixture.command(Self.scatter(marker) + "\nsleep 1000"))
                #expect(try await running.readLine() == "ready\n")
                await fixture.sandbox.destroy()
                await fixture.sandbox.destroy()
                #expect(Host.processes(with: marker) == [])
                #expect(try await Finished(running).terminationCause == .backendDestroyed)
                await expectError(.backendDestroyed) { _ = try await fixture.run("true") }
            }
        }

        /// What the first process of a sandbox is killed for, if not by us, is a lack of memory; the next command gets
        /// a sandbox that works.
        @Test func aSandboxThatIsKilledIsReplaced() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.start(fixture.command("echo ready; sleep 1000"))
                #expect(try await running.readLine() == "ready\n")
                for child in Host.children { kill(try #require(pid_t(child)), SIGKILL) }
                guard case .outOfMemory = try await Finished(running).end.outcome else {
                    Issue.record("\(await running.waitForEnd())")
                    return
                }
                #expect(try await fixture.run("echo next").output == "next\n")
            }
        }

        /// A sandbox that a thread of the test's has started, as the launch thread of a runner does.
        private static func withLaunch(
            in fixture: SandboxFixture,
            _ body: (LaunchedSandbox, DispatchSemaphore) async throws -> Void
        ) async throws {
            let reactor = try ReadinessReactor()
            let polling = Completion<Void>()
            try DedicatedThread.start(name: "test-poll") {
                reactor.run()
                polling.fulfil(())
            }
            let launched = Completion<Result<LaunchedSandbox, BackendError>>()
            let semaphore = DispatchSemaphore(value: 0)
            try DedicatedThread.start(name: "test-launch") {
                launched.fulfil(
                    Result { () throws(BackendError) in
                        let launcher = try SandboxLauncher(
                            level: .bwrap,
                            configuration: fixture.runner.configuration,
                            host: SandboxHost(fixture.runner.configuration),
                            reactor: reactor
                        )
                        let purpose = SandboxPurpose(
                            identity: fixture.identity,
                            tenant: CommandTenant(),
                            limits: ExecLimits(),
                            network: .none
                        )
                        let workspace = launcher.makesVacant ? nil : fixture.workspace
                        return try launcher.launch(in: workspace, for: purpose, launcher.limits(of: purpose))
                    }
                )
                semaphore.wait()
            }
            let sandbox = try await launched.waitToTheEnd().get()
            try await sandbox.connection.ready.waitToTheEnd().get()
            if geteuid() == 0 {
                #expect(sandbox.connection.attach(try WorkspaceMount.make(of: fixture.workspace)))
            }
            try await body(sandbox, semaphore)
            semaphore.signal()
            reactor.stop()
            await polling.waitToTheEnd()
        }

        private static func start(
            _ line: String,
            in sandbox: LaunchedSandbox,
            of fixture: SandboxFixture
        ) async throws -> RunningCommand {
            let prepared = try fixture.runner.prepare(fixture.command(line), as: fixture.identity)
            let scope = try ScopeDirectory(
                fixture.workspace,
                beneath: DirectoryIdentity(of: fixture.workspace),
                open: fixture.workspace
            )
            let slot = try await fixture.runner.admit(.user(SandboxFixture.uid))
            let running = try await fixture.runner.start(
                prepared,
                AgentRequest(prepared, scope: scope),
                in: sandbox.connection,
                slot
            )
            return try #require(running)
        }

        /// As a kill of the broker ends the thread that started the sandbox.
        @Test func theEndOfTheThreadThatStartedItIsTheEndOfAll() async throws {
            let marker = Self.makeMarker()
            try await SandboxFixture.with { fixture in
                try await Self.withLaunch(in: fixture) { sandbox, thread in
                    let line = Self.scatter(marker) + "\nsleep 1000"
                    let running = try await Self.start(line, in: sandbox, of: fixture)
                    #expect(try await running.readLine() == "ready\n")
                    #expect(!Host.processes(with: marker).isEmpty)
                    thread.signal()
                    await sandbox.supervise(setupLimit: .seconds(5), clock: .continuous)
                    #expect(Host.processes(with: marker) == [])
                    #expect(running.hasEnded)
                }
            }
        }

        /// As a kill of the broker closes its end of the agent's socket.
        @Test func theEndOfTheSocketIsTheEndOfAll() async throws {
            let marker = Self.makeMarker()
            try await SandboxFixture.with { fixture in
                try await Self.withLaunch(in: fixture) { sandbox, _ in
                    let line = Self.scatter(marker) + "\nsleep 1000"
                    let running = try await Self.start(line, in: sandbox, of: fixture)
                    #expect(try await running.readLine() == "ready\n")
                    sandbox.connection.close()
                    await sandbox.supervise(setupLimit: .seconds(5), clock: .continuous)
                    #expect(Host.processes(with: marker) == [])
                    #expect(running.hasEnded)
                }
            }
        }

        // MARK: Signals

        @Test func aSignalReachesEveryProcess() async throws {
            try await SandboxFixture.with { fixture in
                let line = """
                    trap 'echo leader' USR1
                    setsid bash -c 'trap "echo deep > deep; exit" USR1; echo ready; while :; do sleep 0.01; done' &
                    wait; wait; echo done
                    """
                let running = try await fixture.start(fixture.command(line))
                #expect(try await running.readLine() == "ready\n")
                try running.signal(SIGUSR1)
                let finished = try await Finished(running)
                #expect(finished.output == "leader\ndone\n")
                #expect(FileManager.default.fileExists(atPath: fixture.path("deep")))
                #expect(finished.exitCode == 0)
                try running.signal(SIGUSR1)
                await expectError(.invalidArgument) { try running.signal(0) }
                await expectError(.invalidArgument) { try running.signal(65) }
            }
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
        func aSignalThatEndsAProgramIsTold(signal: Int32) async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.start(fixture.command(["sleep", "1000"]))
                try running.signal(signal)
                #expect(try await Finished(running).signal == signal)
            }
        }

        /// Its tree is stopped: only what cannot be handled ends it.
        @Test func aStoppedTreeIsEnded() async throws {
            let clock = ManualClock()
            try await SandboxFixture.with(clock: clock) { fixture in
                let marker = Self.makeMarker()
                var command = fixture.command(Self.scatter(marker) + "\nkill -STOP -1; kill -STOP $$; sleep 1000")
                command.grace = .seconds(9)
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                running.terminate(.cancelled)
                await clock.sleeperArrived(for: .seconds(9))
                clock.advance(by: .seconds(9))
                #expect(try await Finished(running).terminationCause == .cancelled)
                #expect(Host.processes(with: marker) == [])
            }
        }
    }
}
