internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// A file that comes in several calls. Those that come at the same time take turns, the one that gives it up among them.
/// Its room is given back when it ends, once. Safe to use from any thread.
final class Upload: Sendable {
    /// Finished when the call that is waited for has ended.
    private typealias Waiter = AsyncStream<Never>.Continuation

    private let org: Org.ID
    private let room: UploadRoom
    private let path: WorkspacePath
    private let options: WriteOptions
    private let writer: any FileWriter
    private let state: Mutex<UploadMachine<Waiter>>

    /// `room`: it is open in there.
    init(
        _ path: WorkspacePath,
        _ options: WriteOptions,
        of org: Org.ID,
        in room: UploadRoom,
        _ writer: any FileWriter,
        at now: Duration
    ) {
        (self.path, self.options, self.org, self.room, self.writer) = (path, options, org, room, writer)
        state = Mutex(UploadMachine(at: now))
    }

    /// See ``UploadMachine/idleSince``.
    var idleSince: Duration? { state.withLock { $0.idleSince } }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }

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
    func append(_ piece: ByteBuffer, at offset: UInt64, now: Duration) async throws(BackendError) -> UInt64 {
        while true {
            let turn = AsyncStream<Never>.makeStream()
            let action = try state.withLock { state throws(BackendError) in
                try state.append(at: offset, length: piece.readableBytes, now: now, waiter: turn.continuation)
            }
            switch action {
            case .known(let count): return count
            case .write(let first): return try await write(piece.dropping(first))
            case .wait: try await Self.wait(for: turn.stream)
            }
        }
    }

    private func write(_ bytes: ByteBuffer) async throws(BackendError) -> UInt64 {
        let length = UInt64(bytes.readableBytes)
        do throws(BackendError) {
            try room.take(length, of: org)
            do throws(BackendError) {
                try await writer.write(bytes)
            } catch {
                room.giveBack(length, of: org)
                throw error
            }
        } catch {
            Self.tell(state.withLock { $0.failed() })
            throw error
        }
        // Outside of the lock, which event loops take: nobody else adds to it meanwhile.
        var checksum = state.withLock { $0.checksum }
        checksum.add(bytes)
        Self.tell(state.withLock { $0.wrote(checksum) })
        return checksum.count
    }

    /// Has the file take its place, with which it ends, as it does where its bytes have another checksum: `CONFLICT`.
    /// `WRITE_FAILED` that may have been executed: it took its place and has ended, but is not known to be on the disk.
    /// Whatever else it fails with, it may be tried again.
    func finish(sha256: [UInt8], now: Duration) async throws(BackendError) -> FileInfo {
        while true {
            let turn = AsyncStream<Never>.makeStream()
            let action = try state.withLock { state throws(BackendError) in
                try state.finish(sha256: sha256, now: now, waiter: turn.continuation)
            }
            switch action {
            case .commit: return try await commit()
            case .mismatch(let bytes):
                await close(bytes)
                throw BackendError(
                    .conflict,
                    message: "the bytes that came have another SHA-256: they are dropped; begin the upload again"
                )
            case .wait: try await Self.wait(for: turn.stream)
            }
        }
    }

    private func commit() async throws(BackendError) -> FileInfo {
        do throws(BackendError) {
            let info = try await writer.commit()
            await committed()
            return info
        } catch  where error.tookEffect {
            await committed()
            throw error
        } catch {
            Self.tell(state.withLock { $0.failed() })
            throw error
        }
    }

    private func committed() async {
        let (bytes, waiters) = state.withLock { ($0.count, $0.committed()) }
        Self.tell(waiters)
        await close(bytes)
    }

    /// Gives it up, after the call that is under way. False: it had ended before. Throws `CANCELLED`.
    func end() async throws(BackendError) -> Bool {
        while true {
            let turn = AsyncStream<Never>.makeStream()
            switch state.withLock({ $0.end(waiter: turn.continuation) }) {
            case .ended(let bytes):
                await close(bytes)
                return true
            case .hadEnded: return false
            case .wait: try await Self.wait(for: turn.stream)
            }
        }
    }

    /// Gives it up where nobody has used it since `time`, nor does at this moment. False: somebody has, or it had ended
    /// before.
    @discardableResult
    func endIfIdle(since time: Duration) async -> Bool {
        guard let bytes = state.withLock({ $0.endIfIdle(since: time) }) else { return false }
        await close(bytes)
        return true
    }

    /// It has ended, with so many bytes: nothing of it is left but what took its place.
    private func close(_ bytes: UInt64) async {
        await writer.abort()
        room.close(of: org, bytes: bytes)
    }

    private static func wait(for turn: AsyncStream<Never>) async throws(BackendError) {
        for await _ in turn {}
        guard !Task.isCancelled else {
            throw BackendError(.cancelled, message: "the call was cancelled while another one used the upload")
        }
    }

    private static func tell(_ waiters: [Waiter]) {
        for waiter in waiters { waiter.finish() }
    }
}

extension BackendError {
    /// Of a commit: the file took its place all the same. One that was cancelled may be tried again.
    fileprivate var tookEffect: Bool { code == .writeFailed && maybeExecuted }
}

extension ByteBuffer {
    fileprivate func dropping(_ count: Int) -> ByteBuffer {
        var rest = self
        rest.moveReaderIndex(forwardBy: count)
        return rest
    }
}
