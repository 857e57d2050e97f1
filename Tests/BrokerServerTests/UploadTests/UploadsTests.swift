import AgentBackend
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerServer

/// Uploads into memory backends, whose budget tells what they hold.
@Suite(.timeLimit(.minutes(1))) struct UploadsTests {
    /// What an upload belongs to.
    private final class Owner: Sendable {}

    private struct Harness {
        let clock = MockClock()
        let budget = MemoryBudget(allowed: 1 << 20)
        let uploads: Uploads
        let entry = Owner()
        let org = Org.ID(1)

        init(maximum: Int = 2, bytes: UInt64 = 10) {
            let (clock, start) = (clock, clock.now)
            let limits = UploadRoom.Limits(uploads: maximum, bytes: bytes, idleTimeout: .seconds(10))
            uploads = Uploads(room: UploadRoom { limits }) { start.duration(to: clock.now) }
        }

        func key(_ name: String, of entry: Owner? = nil) -> Uploads.Key {
            Uploads.Key(entry: ObjectIdentifier(entry ?? self.entry), scope: .root, name: name)
        }

        @discardableResult
        func begin(
            _ name: String,
            _ path: String = "f",
            of entry: Owner? = nil,
            mode: WriteOptions.Mode = .replace
        ) async throws -> UInt64 {
            let (path, options) = (try WorkspacePath(path), WriteOptions(mode: mode))
            let backend = MemoryBackend(budget: budget)
            return try await uploads.begin(key(name, of: entry), of: org, path, options) {
                () async throws(BackendError) in
                try await backend.openWriter(path, options: options)
            }
        }

        @discardableResult
        func append(_ text: String, at offset: UInt64, to name: String) async throws -> UInt64 {
            try await uploads.append(ByteBuffer(string: text), at: offset, to: key(name))
        }

        func code(_ body: () async throws -> Void) async -> BackendError.Code? {
            do {
                try await body()
                return nil
            } catch {
                return (error as? BackendError)?.code
            }
        }
    }

    @Test func aNameIsOfOneFileAndIsFoundAgain() async throws {
        let harness = Harness()
        #expect(try await harness.begin("a") == 0)
        #expect(try await harness.append("abc", at: 0, to: "a") == 3)
        #expect(try await harness.begin("a") == 3)
        #expect(await harness.code { try await harness.begin("a", "g") } == .conflict)
        #expect(await harness.code { try await harness.begin("a", mode: .createOnly) } == .conflict)
        #expect(await harness.code { try await harness.begin("b", mode: .append) } == .invalidArgument)
        #expect(await harness.code { try await harness.begin("../a") } == .invalidArgument)
        #expect(await harness.code { try await harness.append("x", at: 0, to: "b") } == .notFound)
        #expect(harness.budget.held == 3 && harness.uploads.room.used(of: harness.org) == (1, 3))
        #expect(await harness.uploads.abort(harness.key("a")))
        #expect(await !harness.uploads.abort(harness.key("a")))
        #expect(harness.budget.held == 0 && harness.uploads.room.used(of: harness.org) == (0, 0))
    }

    @Test func anOrgHasSoManyWithSoManyBytes() async throws {
        let harness = Harness()
        try await harness.begin("a")
        try await harness.begin("b")
        #expect(await harness.code { try await harness.begin("c") } == .resourceExhausted)
        try await harness.append("1234567", at: 0, to: "a")
        #expect(await harness.code { try await harness.append("1234", at: 0, to: "b") } == .resourceExhausted)
        #expect(try await harness.append("123", at: 0, to: "b") == 3)
        #expect(harness.uploads.room.used(of: harness.org) == (2, 10))
        let wrong = await harness.code {
            _ = try await harness.uploads.finish(harness.key("a"), sha256: Array(repeating: 0, count: 32))
        }
        #expect(wrong == .conflict)
        #expect(harness.uploads.room.used(of: harness.org) == (1, 3))
        #expect(try await harness.append("4567890", at: 3, to: "b") == 10)
    }

    /// What the backend refuses gives its room back, and may be sent again.
    @Test func whatCannotBeWrittenTakesNoRoom() async throws {
        let harness = Harness(bytes: 4 << 20)
        try await harness.begin("a")
        let long = String(repeating: "x", count: 2 << 20)
        #expect(await harness.code { try await harness.append(long, at: 0, to: "a") } == .resourceExhausted)
        #expect(harness.uploads.room.used(of: harness.org) == (1, 0))
        #expect(try await harness.append("abc", at: 0, to: "a") == 3)
    }

    @Test func thoseOfAnEntryEndWithIt() async throws {
        let harness = Harness()
        let other = Owner()
        try await harness.begin("a")
        try await harness.append("abc", at: 0, to: "a")
        try await harness.begin("a", of: other)
        await harness.uploads.endAll(of: ObjectIdentifier(harness.entry))
        #expect(harness.budget.held == 0 && harness.uploads.room.used(of: harness.org) == (1, 0))
        #expect(await harness.code { try await harness.append("abc", at: 0, to: "a") } == .notFound)
        #expect(await harness.uploads.abort(harness.key("a", of: other)))
    }

    @Test func oneThatNobodyCallsIsGivenUp() async throws {
        let harness = Harness()
        await withTaskGroup { group in
            let (uploads, clock) = (harness.uploads, harness.clock)
            group.addTask { await uploads.run { try await clock.sleep(for: $0) } }
            _ = try? await harness.begin("a")
            _ = try? await harness.append("abc", at: 0, to: "a")
            #expect(await clock.nextTimerScheduled().offset == .seconds(10))
            clock.advance(to: MockClock.Instant(offset: .seconds(6)))
            _ = try? await harness.append("de", at: 3, to: "a")
            clock.advance(to: MockClock.Instant(offset: .seconds(10)))
            #expect(await clock.nextTimerScheduled().offset == .seconds(16), "it was called at 6 s")
            #expect(harness.budget.held == 5)
            clock.advance(to: MockClock.Instant(offset: .seconds(16)))
            // With the last one the sleep ends, and the next one begins it anew.
            while harness.uploads.room.used(of: harness.org).uploads > 0 { await Task.yield() }
            #expect(harness.budget.held == 0)
            _ = try? await harness.begin("b")
            #expect(await clock.nextTimerScheduled().offset == .seconds(26))
            group.cancelAll()
        }
        #expect(await harness.code { try await harness.append("f", at: 5, to: "a") } == .notFound)
    }
}
