import AgentBackend
import BrokerTestKit
import NIOCore
import Synchronization
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
            mode: WriteOptions.Mode = .replace,
            holding held: HeldCommit? = nil
        ) async throws -> UInt64 {
            let (path, options) = (try WorkspacePath(path), WriteOptions(mode: mode))
            let backend = MemoryBackend(budget: budget)
            return try await uploads.begin(key(name, of: entry), of: org, path, options) {
                () async throws(BackendError) in
                let writer = try await backend.openWriter(path, options: options)
                return held.map { HeldWriter(writer, $0) } ?? writer
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
        #expect(try await harness.uploads.abort(harness.key("a")))
        #expect(try await !harness.uploads.abort(harness.key("a")))
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
        #expect(try await harness.uploads.abort(harness.key("a", of: other)))
    }

    /// The file takes its place, and the room is given back once.
    @Test func abortWaitsForTheCommitUnderWay() async throws {
        let harness = Harness()
        let held = HeldCommit()
        try await harness.begin("a", holding: held)
        try await harness.append("abc", at: 0, to: "a")
        try await harness.begin("b")
        try await withThrowingTaskGroup { group in
            let (uploads, key) = (harness.uploads, harness.key("a"))
            group.addTask { try await uploads.finish(key, sha256: Self.checksum("abc")).size == 3 }
            for await _ in held.began.stream {}
            // At once, until it waits.
            group.addImmediateTask { try await !uploads.abort(key) }
            #expect(!held.wasAborted)
            #expect(uploads.room.used(of: harness.org) == (2, 3))
            held.end.continuation.finish()
            for try await isExpected in group { #expect(isExpected) }
        }
        #expect(harness.uploads.room.used(of: harness.org) == (1, 0), "of the other one")
        #expect(try await harness.begin("a") == 0, "the name may be used again")
    }

    @Test func ofTwoFinishesOneHasTheFileTakeItsPlace() async throws {
        let harness = Harness()
        let held = HeldCommit()
        try await harness.begin("a", holding: held)
        try await harness.append("abc", at: 0, to: "a")
        try await harness.begin("b")
        let (uploads, key) = (harness.uploads, harness.key("a"))
        let codes = await withTaskGroup { group in
            group.addTask {
                await harness.code { _ = try await uploads.finish(key, sha256: Self.checksum("abc")) }
            }
            for await _ in held.began.stream {}
            group.addImmediateTask {
                await harness.code { _ = try await uploads.finish(key, sha256: Self.checksum("abd")) }
            }
            held.end.continuation.finish()
            return await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(codes == [nil, .notFound])
        #expect(uploads.room.used(of: harness.org) == (1, 0), "of the other one")
    }

    /// What is there cannot be committed again.
    @Test func whatTookItsPlaceButIsNotKnownToBeOnTheDiskHasEnded() async throws {
        let harness = Harness()
        let failures = [
            BackendError(.cancelled, message: "cancelled", maybeExecuted: true),
            BackendError(.writeFailed, message: "nothing was done"),
            BackendError(.writeFailed, message: "it took its place", maybeExecuted: true),
        ]
        let held = HeldCommit(failures: failures)
        held.end.continuation.finish()
        try await harness.begin("a", holding: held)
        try await harness.append("abc", at: 0, to: "a")
        for (failure, left) in zip(failures, [(1, 3), (1, 3), (0, 0)] as [(Int, UInt64)]) {
            let code = await harness.code {
                _ = try await harness.uploads.finish(harness.key("a"), sha256: Self.checksum("abc"))
            }
            #expect(code == failure.code)
            #expect(harness.uploads.room.used(of: harness.org) == left)
        }
        #expect(await harness.code { try await harness.append("d", at: 3, to: "a") } == .notFound)
    }

    private static func checksum(_ text: String) -> [UInt8] {
        var checksum = RunningChecksum()
        checksum.add(ByteBuffer(string: text))
        return checksum.sha256
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

/// A commit that waits until the test ends it, and fails as often as the test says.
private final class HeldCommit: Sendable {
    private let failures: Mutex<[BackendError]>
    let began = AsyncStream<Never>.makeStream()
    let end = AsyncStream<Never>.makeStream()
    private let isAborted = Mutex(false)

    init(failures: [BackendError] = []) {
        self.failures = Mutex(failures)
    }

    func nextFailure() -> BackendError? {
        failures.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// While the commit was under way.
    var wasAborted: Bool {
        get { isAborted.withLock { $0 } }
        set { isAborted.withLock { $0 = newValue } }
    }
}

private final class HeldWriter: FileWriter {
    private let writer: any FileWriter
    private let held: HeldCommit
    private let isCommitting = Mutex(false)

    init(_ writer: any FileWriter, _ held: HeldCommit) {
        (self.writer, self.held) = (writer, held)
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try await writer.write(bytes)
    }

    func commit() async throws(BackendError) -> FileInfo {
        isCommitting.withLock { $0 = true }
        held.began.continuation.finish()
        for await _ in held.end.stream {}
        isCommitting.withLock { $0 = false }
        if let failure = held.nextFailure() { throw failure }
        return try await writer.commit()
    }

    func abort() async {
        if isCommitting.withLock({ $0 }) { held.wasAborted = true }
        await writer.abort()
    }
}
