import AgentBackend
import Foundation
import Glibc
import Synchronization
import Testing

@testable import BrokerServer

/// Time passes only while somebody sleeps, and at once.
private final class SleepingClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Duration.zero)
    private let whileAsleep: @Sendable (_ slept: Duration) -> Void

    init(whileAsleep: @escaping @Sendable (_ slept: Duration) -> Void = { _ in }) {
        self.whileAsleep = whileAsleep
    }

    var now: Instant { Instant(offset: time.withLock { $0 }) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        time.withLock { $0 = max($0, deadline.offset) }
        whileAsleep(now.offset)
    }
}

@Suite struct RootLockTests {
    @Test func aSecondBrokerWaitsAndThenSaysWhoHoldsTheRoot() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            let first = try await BrokerRoot.open(path, isPrivileged: false)
            let clock = SleepingClock()
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(path, isPrivileged: false, clock: clock)
            }
            #expect(error?.code == .conflict)
            #expect(error?.reason == .busy)
            #expect(error?.message.contains("pid \(getpid()), started 20") == true)
            #expect(error?.message.contains(path) == true)
            #expect(clock.now.offset == .seconds(2))
            first.close()
        }
    }

    @Test func aSecondBrokerGetsTheRootThatIsGivenFreeMeanwhile() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            let first = try await BrokerRoot.open(path, isPrivileged: false)
            let clock = SleepingClock { slept in
                if slept >= .seconds(1) { first.close() }
            }
            let second = try await BrokerRoot.open(path, isPrivileged: false, clock: clock)
            #expect(clock.now.offset == .seconds(1))
            #expect(try scratch.read("root/lock").hasPrefix("pid \(getpid())"))
            second.close()
        }
    }

    @Test func closingTwiceDoesNotTakeTheLockFromTheNext() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            let first = try await BrokerRoot.open(path, isPrivileged: false)
            first.close()
            #expect(try scratch.read("root/lock").isEmpty)
            let second = try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
            first.close()
            #expect(!(try scratch.read("root/lock").isEmpty))
            await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
            }
            second.close()
        }
    }

    @Test func theLastReferenceGivesTheRootFree() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            do {
                let first = try await BrokerRoot.open(path, isPrivileged: false)
                #expect(first.path == path)
            }
            let second = try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
            second.close()
        }
    }

    @Test func aCancelledWaitEnds() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            let first = try await BrokerRoot.open(path, isPrivileged: false)
            let outcome = await withTaskGroup(of: BackendError.Code?.self) { group in
                group.addTask {
                    withUnsafeCurrentTask { $0?.cancel() }
                    do throws(BackendError) {
                        _ = try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
                        return nil
                    } catch {
                        return error.code
                    }
                }
                return await group.next() ?? nil
            }
            #expect(outcome == .cancelled)
            first.close()
        }
    }

    @Test func anotherProcessKeepsThisOneOut() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            try await BrokerRoot.open(path, isPrivileged: false).close()

            let holder = Process()
            let input = Pipe()
            let output = Pipe()
            holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
            holder.arguments = ["\(path)/lock", "sh", "-c", "echo held; read end"]
            holder.standardInput = input
            holder.standardOutput = output
            try holder.run()
            #expect(output.fileHandleForReading.availableData == Data("held\n".utf8))

            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
            }
            #expect(error?.code == .conflict)

            kill(holder.processIdentifier, SIGKILL)
            try input.fileHandleForWriting.close()
            holder.waitUntilExit()
            // The shell held the file as well, and is on its way out.
            _ = try output.fileHandleForReading.readToEnd()
            let root = try await BrokerRoot.open(path, isPrivileged: false)
            root.close()
        }
    }

    @Test func aChildDoesNotInheritTheLock() async throws {
        try await withScratchDirectory { scratch in
            let path = scratch.path("root")
            let root = try await BrokerRoot.open(path, isPrivileged: false)
            let child = Process()
            let input = Pipe()
            child.executableURL = URL(fileURLWithPath: "/bin/cat")
            child.standardInput = input
            try child.run()
            root.close()
            let again = try await BrokerRoot.open(path, isPrivileged: false, clock: SleepingClock())
            again.close()
            try input.fileHandleForWriting.close()
            child.waitUntilExit()
        }
    }
}
