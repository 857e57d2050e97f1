internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// The uploads of all entries, by entry, scope and name. Safe to use from any thread.
///
/// One ends when it is finished or aborted, with its entry, and when nobody has called it for a while.
final class Uploads: Sendable {
    struct Key: Hashable {
        let entry: ObjectIdentifier
        let scope: WorkspacePath
        let name: String
    }

    let room: UploadRoom
    private let uploads = Mutex<[ObjectIdentifier: [Key: Upload]]>([:])
    private let elapsed: @Sendable () -> Duration
    private let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// The longest time until it is noticed that one is idle, and the shortest between two looks.
    private static let (longestSleep, shortestSleep) = (Duration.seconds(60), Duration.seconds(1))

    /// `elapsed`: by a clock that nobody sets.
    init(room: UploadRoom, elapsed: @escaping @Sendable () -> Duration) {
        (self.room, self.elapsed) = (room, elapsed)
    }

    /// How far the upload of that name has come, begun where there is none. Throws `CONFLICT` for one of another file,
    /// and `RESOURCE_EXHAUSTED`.
    func begin(
        _ key: Key,
        of org: Org.ID,
        _ path: WorkspacePath,
        _ options: WriteOptions,
        open: () async throws(BackendError) -> any FileWriter
    ) async throws(BackendError) -> UInt64 {
        try Name.validate(key.name, kind: "the upload's name")
        guard options.mode != .append else {
            throw BackendError(.invalidArgument, message: "an upload replaces or makes a file: append with write")
        }
        if let known = self[key] { return try known.offset(asOf: path, options, at: elapsed()) }
        try room.open(of: org)
        let made: Upload
        do throws(BackendError) {
            made = Upload(path, options, of: org, in: room, try await open(), at: elapsed())
        } catch {
            room.close(of: org, bytes: 0)
            throw error
        }
        let first = uploads.withLock { uploads in
            if let first = uploads[key.entry]?[key], !first.hasEnded { return first }
            uploads[key.entry, default: [:]][key] = made
            return made
        }
        guard first === made else {
            await made.endIfIdle(since: elapsed())
            return try first.offset(asOf: path, options, at: elapsed())
        }
        wakeUps.continuation.yield()
        return 0
    }

    /// Adds what of the piece is not there yet, and returns where to go on. Not on the caller's executor: the bytes go
    /// into the checksum.
    @concurrent
    func append(_ piece: ByteBuffer, at offset: UInt64, to key: Key) async throws(BackendError) -> UInt64 {
        try await find(key).append(piece, at: offset, now: elapsed())
    }

    /// Has the file take its place; see ``Upload/finish(sha256:now:)``. Throws `CONFLICT` where its bytes have another
    /// checksum: then they are dropped.
    func finish(_ key: Key, sha256: [UInt8]) async throws(BackendError) -> FileInfo {
        let upload = try find(key)
        defer { if upload.hasEnded { remove(key, upload) } }
        return try await upload.finish(sha256: sha256, now: elapsed())
    }

    /// Gives it up, after the call that is under way. False: there is none. Throws `CANCELLED`.
    func abort(_ key: Key) async throws(BackendError) -> Bool {
        guard let upload = self[key] else { return false }
        defer { if upload.hasEnded { remove(key, upload) } }
        return try await upload.end()
    }

    /// Gives up all of an entry. To be called once nobody calls it any more.
    func endAll(of entry: ObjectIdentifier) async {
        guard let uploads = uploads.withLock({ $0.removeValue(forKey: entry) }) else { return }
        for upload in uploads.values { await upload.endIfIdle(since: elapsed()) }
    }

    /// Gives up those that nobody calls, until the calling task is cancelled. Called once. Sleeps only while there are
    /// some.
    func run(sleep: @Sendable (Duration) async throws -> Void) async {
        for await _ in wakeUps.stream {
            while let time = await endIdle() {
                guard (try? await sleep(time)) != nil else { return }
            }
        }
    }

    /// Returns after which time to do so again. Nil: there are none.
    private func endIdle() async -> Duration? {
        let timeout = room.limits().idleTimeout
        let all = uploads.withLock { $0.values.flatMap { Array($0) } }
        let now = elapsed()
        var next = Self.longestSleep
        var isEmpty = true
        for (key, upload) in all {
            if await upload.endIfIdle(since: now - timeout) {
                remove(key, upload)
            } else {
                isEmpty = false
                next = min(next, timeout - (now - (upload.idleSince ?? now)))
            }
        }
        return isEmpty ? nil : max(next, Self.shortestSleep)
    }

    private subscript(key: Key) -> Upload? {
        guard let upload = uploads.withLock({ $0[key.entry]?[key] }), !upload.hasEnded else { return nil }
        return upload
    }

    private func find(_ key: Key) throws(BackendError) -> Upload {
        guard let upload = self[key] else { throw .noUpload }
        return upload
    }

    /// Another one that has its name by now stays.
    private func remove(_ key: Key, _ upload: Upload) {
        uploads.withLock { uploads in
            guard uploads[key.entry]?[key] === upload else { return }
            uploads[key.entry]?[key] = nil
            if uploads[key.entry]?.isEmpty ?? false { uploads[key.entry] = nil }
        }
    }
}
