import AgentBackend
import Foundation
import NIOCore
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct StreamTests {
        @Test func passesTenMebibytesThrough() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("cat")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                // Not a multiple of any buffer, and different at every place.
                let bytes = ByteBuffer(bytes: (0..<10_485_761).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
                async let writing: Void = {
                    try await running.writeInput(bytes)
                    running.closeInput()
                }()
                var echoed = ByteBuffer()
                while var part = try await running.readOutput(.standardOutput, upTo: .max) {
                    #expect(part.readableBytes <= fixture.runner.configuration.maximumReadSize)
                    echoed.writeBuffer(&part)
                }
                try await writing
                #expect(echoed == bytes)
                #expect(try await running.readAll(.standardError) == "")
            }
        }

        @Test func standardInputIsAtItsEndUnlessOpened() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("wc -c")
                #expect(finished.output == "0\n")
            }
        }

        @Test func inputThatNobodyReadsIsDropped() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("head -c 1 > /dev/null")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                try await running.writeInput(ByteBuffer(repeating: 0, count: 1_000_000))
                running.closeInput()
                running.closeInput()
                #expect(try await Finished(running).exitCode == 0)
                try await running.writeInput(ByteBuffer(string: "late"))
            }
        }

        @Test func closingTheInputEndsAWriteThatWaits() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("echo ready; sleep 1000")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                #expect(try await running.readLine() == "ready\n")
                async let writing: Void = running.writeInput(ByteBuffer(repeating: 0, count: 1_000_000))
                running.closeInput()
                try await writing
                running.terminate(.cancelled)
                _ = await running.waitForEnd()
            }
        }

        @Test func aReaderThatStopsHoldsTheCommandUp() async throws {
            try await SandboxFixture.with { fixture in
                let size = 8 * 1024 * 1024
                let running = try await fixture.start(
                    fixture.command("head -c \(size) /dev/zero; touch done")
                )
                // What is left is more than any pipe holds: the command cannot have ended.
                var received = 0
                while received < size - 1024 * 1024 {
                    received += try await running.readOutput(.standardOutput, upTo: 4096)?.readableBytes ?? size
                }
                #expect(!FileManager.default.fileExists(atPath: fixture.path("done")))
                received += try await running.readAll(.standardOutput).utf8.count
                #expect(received == size)
                #expect(FileManager.default.fileExists(atPath: fixture.path("done")))
            }
        }

        @Test func loosesNothingThatWasWrittenJustBeforeTheEnd() async throws {
            try await SandboxFixture.with { fixture in
                for _ in 0..<20 {
                    let running = try await fixture.start(fixture.command("head -c 60000 /dev/zero"))
                    _ = await running.waitForEnd()
                    #expect(try await running.readAll(.standardOutput).utf8.count == 60000)
                    #expect(try await running.readOutput(.standardOutput, upTo: 1) == nil)
                }
            }
        }

        @Test func standardStreamsCanBeOpenedAgain() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("echo out > /dev/stdout; echo err | tee /dev/stderr")
                #expect(finished.output == "out\nerr\n")
                #expect(finished.error == "err\n")
            }
        }

        @Test func aGrandchildThatHoldsTheOutputDoesNotHoldUpTheResult() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("sleep 1000 & sleep 1000 & echo hi")
                #expect(finished.output == "hi\n")
                #expect(finished.end.lingeringProcesses == 2)
                #expect(try await fixture.run("sleep 0 & wait; sleep 0").end.lingeringProcesses == 0)
            }
        }

        @Test func aCommandThatClosesItsOutputEndsByItself() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("exec >&- 2>&-; cat > copied")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                async let output = running.readAll(.standardOutput)
                try await running.writeInput(ByteBuffer(string: "late"))
                running.closeInput()
                let written = try await output
                #expect(written == "")
                #expect(FileManager.default.contents(atPath: fixture.path("copied")) == Data("late".utf8))
            }
        }

        @Test func aReadIsCancelledAndReadAgain() async throws {
            try await SandboxFixture.with { fixture in
                var command = fixture.command("cat")
                command.opensStandardInput = true
                let running = try await fixture.start(command)
                await withTaskGroup { group in
                    group.addTask {
                        await expectError(.cancelled) {
                            _ = try await running.readOutput(.standardOutput, upTo: 1)
                        }
                    }
                    group.cancelAll()
                }
                try await running.writeInput(ByteBuffer(string: "x"))
                running.closeInput()
                #expect(try await running.readAll(.standardOutput) == "x")
            }
        }
    }
}
