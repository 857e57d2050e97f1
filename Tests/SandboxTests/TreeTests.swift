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
        private static func scatter(_ marker: String) -> String {
            """
            export MARKER=\(marker)
            sleep 1000 & nohup sleep 1000 > /dev/null 2>&1 & setsid sleep 1000 & (sleep 1000 &) ; (setsid setsid sleep 1000 &)
            (trap '' TERM HUP INT; sleep 1000 & wait; sleep 1000) &
            echo ready
            """
        }

        private static func makeMarker() -> String { "marker-\(UUID().uuidString)" }

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
                let running = try await fixture.runner.start(command)
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
                let running = try await fixture.runner.start(command)
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
                let running = try await fixture.runner.start(fixture.command("sleep 1000"))
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
                let running = try await fixture.runner.start(fixture.command(line))
                #expect(try await running.readLine() == "ready\n")
                running.terminate(.cancelled)
                let finished = try await Finished(running)
                #expect(finished.output == "leader\n")
                #expect(FileManager.default.fileExists(atPath: fixture.path("deep")))
            }
        }

        @Test func terminatingAnEndedCommandIsHarmless() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.runner.start(fixture.command("exit 4"))
                #expect(try await Finished(running).exitCode == 4)
                running.terminate(.cancelled)
                #expect(try await Finished(running).exitCode == 4)
            }
        }

        @Test func leavesNoZombieAndNoDescriptor() async throws {
            try await SandboxFixture.with { fixture in
                let before = Host.openDescriptors
                try await withThrowingTaskGroup { group in
                    for lane in 0..<4 {
                        group.addTask {
                            for number in 0..<50 { try await Self.runOne(lane + number, in: fixture) }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(Host.openDescriptors == before)
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
                let running = try await fixture.runner.start(fixture.command("sleep 1000"))
                running.terminate(.cancelled)
                _ = try await Finished(running)
            case 3:
                var command = fixture.command("true")
                command.opensStandardInput = true
                let running = try await fixture.runner.start(command)
                running.closeOutput()
                _ = await running.waitForEnd()
            default:
                await withTaskGroup { group in
                    group.addTask { _ = try? await fixture.run("sleep 1000") }
                    group.cancelAll()
                }
            }
        }

        /// Waits for the end and reaps.
        private static func signalThatEnded(_ sandbox: LaunchedSandbox) async -> Int32 {
            var signal: Int32 = 0
            while true {
                let result = sandbox.process.withDescriptor { linux_reap($0, &signal) }
                if result != 0 { return signal }
                _ = await sandbox.process.wait(until: .readable)
            }
        }

        /// As a kill of the broker ends the thread that started the sandbox.
        @Test func theEndOfTheThreadThatStartedItIsTheEndOfAll() async throws {
            let marker = Self.makeMarker()
            try await SandboxFixture.with { fixture in
                let reactor = try ReadinessReactor()
                let polling = Completion<Void>()
                try DedicatedThread.start(name: "test-poll") {
                    reactor.run()
                    polling.fulfil(())
                }
                let launcher = try SandboxLauncher(
                    configuration: fixture.runner.configuration,
                    reactor: reactor,
                    filter: SandboxLauncher.commandFilter()
                )
                let command = try PreparedCommand(
                    fixture.command(Self.scatter(marker) + "\nsleep 1000"),
                    shell: launcher.shell,
                    maximumSize: 1 << 20
                )
                let launched = Completion<Result<LaunchedSandbox, BackendError>>()
                let semaphore = DispatchSemaphore(value: 0)
                try DedicatedThread.start(name: "test-launch") {
                    launched.fulfil(Result { () throws(BackendError) in try launcher.launch(command) })
                    semaphore.wait()
                }
                let sandbox = try await launched.waitToTheEnd().get()
                let output = OutputPipe(sandbox.standardOutput, isSharedWithLauncher: false)
                #expect(try await output.read(upTo: 64) == ByteBuffer(string: "ready\n"))
                #expect(!Host.processes(with: marker).isEmpty)

                semaphore.signal()
                let signal = await Self.signalThatEnded(sandbox)
                #expect(Host.processes(with: marker) == [])
                #expect(signal == SIGKILL)
                reactor.stop()
                await polling.waitToTheEnd()
            }
        }

        /// As a kill of the broker before it let the command begin.
        @Test func nothingRunsWithoutTheBrokersFilter() async throws {
            try await SandboxFixture.with { fixture in
                let reactor = try ReadinessReactor()
                let configuration = fixture.runner.configuration
                let launcher = try SandboxLauncher(configuration: configuration, reactor: reactor, filter: [])
                let command = try PreparedCommand(
                    fixture.command("touch ran"),
                    shell: launcher.shell,
                    maximumSize: 1 << 20
                )
                let sandbox = try launcher.launch(command)
                try DedicatedThread.start(name: "test-poll") { reactor.run() }
                _ = await Self.signalThatEnded(sandbox)
                reactor.stop()
                #expect(!FileManager.default.fileExists(atPath: fixture.path("ran")))
                #expect(StatusDocument.exitCode(in: sandbox.takeStatus()) == nil)
            }
        }
    }
}
