import AgentBackend
import Foundation
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct FileThreadsTests {
    /// A call that waits for a thread is over as soon as it is cancelled, and what it would have done never happens.
    @Test func cancellingEndsTheWaitForAThread() async throws {
        try await LocalFixture.with(threadCount: 1) { fixture in
            let isHeld = AsyncStream<Void>.makeStream()
            let hold = DispatchSemaphore(value: 0)
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await fixture.threads.run { () throws(BackendError) in
                        isHeld.continuation.finish()
                        hold.wait()
                    }
                }
                for await _ in isHeld.stream {}
                let error = await withTaskGroup(of: BackendError?.self) { waiting in
                    waiting.addTask { try? await failure(of: try await fixture.backend.put("file", "never")) }
                    await Task.yield()
                    waiting.cancelAll()
                    return await waiting.next() ?? nil
                }
                // The only thread is still held.
                #expect(error?.code == .cancelled)
                #expect(error?.maybeExecuted == false)
                hold.signal()
                try await group.waitForAll()
            }
            #expect(try fixture.names("") == [])
        }
    }

    /// One of those who share the threads waits for ever, as often as it can.
    @Test func whoWaitsHoldsUpNoneButItself() async throws {
        let threads = FileThreads(count: 3)
        let (stuck, other) = (threads.share(), threads.share())
        let hold = DispatchSemaphore(value: 0)
        try await withThrowingTaskGroup { group in
            for _ in 0..<10 {
                group.addTask { try await stuck.run { () throws(BackendError) in hold.wait() } }
            }
            for number in 0..<100 {
                let answer = try await other.run { () throws(BackendError) in number }
                #expect(answer == number)
            }
            for _ in 0..<10 { hold.signal() }
            try await group.waitForAll()
        }
        await threads.shutdown()
    }

    @Test func aCancelledTaskBeginsNothing() async throws {
        try await LocalFixture.with { fixture in
            let refused = await withTaskGroup(of: BackendError?.self) { group in
                group.cancelAll()
                group.addTask { try? await failure(of: try await fixture.backend.put("file", "never")) }
                return await group.next() ?? nil
            }
            #expect(refused?.code == .cancelled)
            let names = try fixture.names("")
            #expect(names == [])
        }
    }

    /// What takes long is told to stop.
    @Test func cancellingStopsARemoval() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<300 { try await fixture.backend.put("tree/\(number)/file", "x") }
            let cancellation = FileCancellation()
            let files = try fixture.files(cancellation)
            cancellation.cancel()
            let path = try WorkspacePath("tree")
            #expect(throws: DirectoryAccess.Failure.self) {
                try files.rm(path, options: RemoveOptions(recursive: true))
            }
            #expect(throws: DirectoryAccess.Failure.self) { try files.readdir(path, options: ReaddirOptions()) }
            #expect(try fixture.names("tree").count == 300)
        }
    }

    /// The answer is the caller's alone by the time that it goes on: with it go descriptors and bytes.
    @Test func keepsNothingOfAnAnswer() async throws {
        final class Answer: Sendable {}
        let threads = FileThreads(count: 1)
        for _ in 0..<5000 {
            var answer = try await threads.run(as: nil) { _ in .success(Answer()) }
            try #require(isKnownUniquelyReferenced(&answer))
        }
        await threads.shutdown()
    }

    @Test func refusesAfterItWasShutDown() async throws {
        try await LocalFixture.with { fixture in
            let path = try WorkspacePath("file")
            let writer = try await fixture.backend.openWriter(path, options: WriteOptions())
            await fixture.threads.shutdown()
            #expect(try await refusal(of: try await fixture.backend.contents("file")) == Refusal(.shuttingDown))
            #expect(try await refusal(of: try await writer.commit()) == Refusal(.shuttingDown))
            // What it wrote is removed all the same.
            await writer.abort()
            await fixture.threads.shutdown()
        }
    }
}
