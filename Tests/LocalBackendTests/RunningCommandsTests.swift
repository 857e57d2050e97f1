import AgentBackend
import NIOCore
import Synchronization
import Testing

@testable import LocalBackend

@Suite struct RunningCommandsTests {
    @Test func endsWhatRuns() async throws {
        let commands = RunningCommands()
        let started = [FakeCommand(), FakeCommand()]
        for command in started { _ = try #require(await commands.add(command)) }
        await commands.end()
        for command in started { #expect(command.hasEnded) }
        await commands.end()
    }

    /// One whose start was under way.
    @Test func endsWhatComesAfterTheEnd() async {
        let commands = RunningCommands()
        await commands.end()
        let late = FakeCommand()
        #expect(await commands.add(late) == nil)
        #expect(late.hasEnded)
    }

    /// They hold descriptors: none is kept for longer than it has to be.
    @Test func forgetsWhatHasEnded() async throws {
        let commands = RunningCommands()
        weak var awaited: FakeCommand?
        weak var left: FakeCommand?
        do {
            let (first, second) = (FakeCommand(), FakeCommand())
            (awaited, left) = (first, second)
            let execution = try #require(await commands.add(first))
            _ = try #require(await commands.add(second))
            execution.terminate()
            _ = await execution.waitForEnd()
            // Its caller does not wait for it.
            second.terminate()
        }
        #expect(awaited == nil)
        _ = await commands.add(FakeCommand())
        #expect(left == nil)
    }
}

/// Ends when it is told to.
private final class FakeCommand: StartedCommand {
    private let isTerminated = Atomic<Bool>(false)

    var isolation: String { "none" }
    var hasEnded: Bool { isTerminated.load(ordering: .relaxed) }

    func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? { nil }

    func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {}

    func closeInput() {}

    func terminate() { isTerminated.store(true, ordering: .relaxed) }

    func terminate(overDiskQuota allowed: UInt64) { terminate() }

    func waitForEnd() async -> ExecEnd {
        ExecEnd(outcome: hasEnded ? .cancelled : .exited(code: 0), usage: ExecEnd.Usage(wall: .zero))
    }
}
