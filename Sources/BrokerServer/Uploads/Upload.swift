internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// A file that comes in several calls. Those that come at the same time take turns. Safe to use from any thread.
final class Upload: Sendable {
    /// Finished when the call that is waited for has ended.
    private typealias Waiter = AsyncStream<Never>.Continuation

    let org: Org.ID
    private let path: WorkspacePath
    private let options: WriteOptions
    private let writer: any FileWriter
    private let state: Mutex<UploadMachine<Waiter>>

    init(_ path: WorkspacePath, _ options: WriteOptions, of org: Org.ID, _ writer: any FileWriter, at now: Duration) {
        (self.path, self.options, self.org, self.writer) = (path, options, org, writer)
        state = Mutex(UploadMachine(at: now))
    }

    /// See ``UploadMachine/idleSince``.
    var idleSince: Duration? { state.withLock { $0.idleSince } }

    /// Somebody begins an upload of this name: tells how far this one has come. Throws `CONFLICT` where it is of another
    /// file.
    func offset(
        asOf path: WorkspacePath,
        _ options: WriteOptions,
        at now: Duration
    ) throws(BackendError) -> UInt64 {
        guard path == self.path, options == self.options else {
            throw BackendError(
                .conflict,
                message: "an upload of that name is under way for another file, or with other options: "
                    + "give each its own name"
            )
        }
        return try state.withLock { state throws(BackendError) in try state.met(at: now) }
    }

    /// Adds what of the piece is not there yet, and returns where to go on. One that fails leaves it as it was.
    /// Throws `RESOURCE_EXHAUSTED` where there is no room for them.
    func append(
        _ piece: ByteBuffer,
        at offset: UInt64,
        now: Duration,
        in room: UploadRoom
    ) async throws(BackendError) -> UInt64 {
        while true {
            let turn = AsyncStream<Never>.makeStream()
            let action = try state.withLock { state throws(BackendError) in
                try state.append(at: offset, length: piece.readableBytes, now: now, waiter: turn.continuation)
            }
            switch action {
            case .known(let count): return count
            case .write(let first): return try await write(piece.dropping(first), in: room)
            case .wait: try await Self.wait(for: turn.stream)
            }
        }
    }

    private func write(_ bytes: ByteBuffer, in room: UploadRoom) async throws(BackendError) -> UInt64 {
        let length = UInt64(bytes.readableBytes)
        do throws(BackendError) {
            try room.take(length, of: org)
            do throws(BackendError) {
                try await writer.write(bytes)
                let waiters = try state.withLock { state throws(BackendError) in try state.wrote(bytes) }
                Self.tell(waiters)
            } catch {
                room.giveBack(length, of: org)
                throw error
            }
        } catch {
            Self.tell(state.withLock { $0.failed() })
            throw error
        }
        return state.withLock { $0.count }
    }

    /// Has the file take its place. One that fails may be tried again. Nil: the bytes have another checksum.
    func finish(sha256: [UInt8], now: Duration) async throws(BackendError) -> FileInfo? {
        while true {
            let turn = AsyncStream<Never>.makeStream()
            let action = try state.withLock { state throws(BackendError) in
                try state.finish(sha256: sha256, now: now, waiter: turn.continuation)
            }
            switch action {
            case .commit: return try await commit()
            case .mismatch: return nil
            case .wait: try await Self.wait(for: turn.stream)
            }
        }
    }

    private func commit() async throws(BackendError) -> FileInfo {
        do throws(BackendError) {
            return try await writer.commit()
        } catch {
            Self.tell(state.withLock { $0.failed() })
            throw error
        }
    }

    /// It took its place, or is given up: nothing of it is left elsewhere. Returns how many bytes it had. Idempotent.
    func end() async -> UInt64 {
        let (bytes, waiters) = state.withLock { $0.end() }
        Self.tell(waiters)
        await writer.abort()
        return bytes
    }

    private static func wait(for turn: AsyncStream<Never>) async throws(BackendError) {
        for await _ in turn {}
        guard !Task.isCancelled else {
            throw BackendError(.cancelled, message: "the call was cancelled while another one added to the upload")
        }
    }

    private static func tell(_ waiters: [Waiter]) {
        for waiter in waiters { waiter.finish() }
    }
}

extension ByteBuffer {
    fileprivate func dropping(_ count: Int) -> ByteBuffer {
        var rest = self
        rest.moveReaderIndex(forwardBy: count)
        return rest
    }
}
