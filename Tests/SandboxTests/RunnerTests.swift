import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct RunnerTests {
        @Test func runsAsManyAsItMay() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumRunningCommands = 2
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let first = try await fixture.start(fixture.command("sleep 1000"))
                let second = try await fixture.start(fixture.command("sleep 1000"))
                await expectError(.resourceExhausted) { _ = try await fixture.run("true") }
                first.terminate(.cancelled)
                _ = await first.waitForEnd()
                // A place is free when the end was told.
                #expect(try await fixture.run("true").exitCode == 0)
                second.terminate(.cancelled)
                #expect(try await Finished(second).terminationCause == .cancelled)
            }
        }

        @Test func manyStartsAtOnceAllRun() async throws {
            try await SandboxFixture.with { fixture in
                try await withThrowingTaskGroup(of: String.self) { group in
                    for number in 0..<60 {
                        group.addTask { try await fixture.run("echo \(number)").output }
                    }
                    let outputs = try await group.reduce(into: Set<String>()) { $0.insert($1) }
                    #expect(outputs.count == 60)
                }
            }
        }

        @Test func aShutdownLetsCommandsEndAndStartsNoMore() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("cat; echo end")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                fixture.runner.beginShutdown()
                fixture.runner.beginShutdown()
                await expectError(.shuttingDown) { _ = try await fixture.run("true") }
                running.closeInput()
                #expect(try await Finished(running).output == "end\n")
            }
        }

        @Test func cancellingTheRunnerEndsItsCommands() async throws {
            let runner = try CommandRunner(level: .bwrap)
            let directory = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            defer { close(directory) }
            let sandbox = WarmSandbox(runner, identity: SandboxFixture.identityOfCommands)
            let command = Command(.shellLine(Array("sleep 1000".utf8)), workspace: directory)
            let running = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                let running = try await sandbox.start(command)
                group.cancelAll()
                try await group.waitForAll()
                return running
            }
            #expect(try await Finished(running).terminationCause == .shuttingDown)
            await expectError(.shuttingDown) { _ = try await sandbox.start(command) }
            #expect(Host.children == [])
        }

        @Test func aCancelledStartLeavesNothing() async throws {
            try await SandboxFixture.with { fixture in
                for _ in 0..<10 {
                    await withTaskGroup { group in
                        group.addTask {
                            withUnsafeCurrentTask { $0?.cancel() }
                            await expectError(.cancelled) {
                                _ = try await fixture.start(fixture.command("touch ran; sleep 1000"))
                            }
                        }
                    }
                }
                let next = try await fixture.run("ls")
                #expect(next.output == "")
            }
        }

        @Test func ofSandboxesMoreThanAreKeptTheLeastRecentlyUsedEnds() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumSandboxes = 2
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let others = (0..<3).map { _ in WarmSandbox(fixture.runner, identity: fixture.identity) }
                // In use: it stays.
                let running = try await fixture.start(fixture.command("echo ready; sleep 1000"))
                #expect(try await running.readLine() == "ready\n")
                for other in others {
                    #expect(try await Finished(other.start(fixture.command("exit 7"))).exitCode == 7)
                }
                while Host.children.count > 2 { await Task.yield() }
                #expect(!running.hasEnded)
                // One that was ended is made again.
                #expect(try await Finished(others[0].start(fixture.command("exit 8"))).exitCode == 8)
                running.terminate(.cancelled)
                #expect(try await Finished(running).terminationCause == .cancelled)
                for other in others { await other.destroy() }
            }
        }

        @Test func aSandboxThatIsNeverSetUpIsEnded() async throws {
            let clock = ManualClock()
            var configuration = CommandRunner.Configuration()
            // Does not do what bubblewrap does, and does not end either.
            configuration.bubblewrapPath = try SandboxFixture.makeBubblewrap("sleep 1000")
            defer { unlink(configuration.bubblewrapPath) }
            configuration.setupLimit = .seconds(5)
            try await SandboxFixture.with(configuration: configuration, clock: clock) { fixture in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let error = await #expect(throws: BackendError.self) {
                            _ = try await fixture.start(fixture.command("true"))
                        }
                        #expect(error?.message.contains("not set up within 5") == true)
                    }
                    await clock.sleeperArrived(for: .seconds(5))
                    clock.advance(by: .seconds(5))
                    try await group.waitForAll()
                }
                #expect(Host.children == [])
            }
        }
    }
}
