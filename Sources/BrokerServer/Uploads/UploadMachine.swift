internal import AgentBackend
internal import NIOCore

/// How far an upload has come. A value without I/O and clock.
struct UploadMachine<Waiter> {
    enum AppendAction {
        /// All of the piece is there already. So many bytes are.
        case known(UInt64)
        /// Its bytes from this one on are to be written; ``wrote(_:)`` or ``failed()`` has to follow.
        case write(from: Int)
        /// Another call writes. Its end tells the waiter.
        case wait
    }

    enum FinishAction {
        /// ``committed()`` or ``failed()`` has to follow.
        case commit
        /// The bytes have another checksum.
        case mismatch
        /// Another call writes. Its end tells the waiter.
        case wait
    }

    private enum State {
        /// May become busy or ended.
        case idle
        /// A call writes or commits. May become idle or ended.
        case busy([Waiter])
        case ended
    }

    private var state = State.idle
    private var checksum = RunningChecksum()
    private var lastUse: Duration

    init(at now: Duration) {
        lastUse = now
    }

    /// Bytes that are written.
    var count: UInt64 { checksum.count }

    /// When it was used last. Nil: it is at this moment, or has ended.
    var idleSince: Duration? { if case .idle = state { lastUse } else { nil } }

    /// Somebody asks how far it has come. Throws `NOT_FOUND`.
    mutating func met(at now: Duration) throws(BackendError) -> UInt64 {
        try checkNotEnded()
        lastUse = now
        return count
    }

    mutating func append(
        at offset: UInt64,
        length: Int,
        now: Duration,
        waiter: @autoclosure () -> Waiter
    ) throws(BackendError) -> AppendAction {
        try checkNotEnded()
        lastUse = now
        guard offset <= count else { throw .beyondUpload(offset, has: count) }
        if case .busy(let waiters) = state {
            state = .busy(waiters + [waiter()])
            return .wait
        }
        guard count - offset < UInt64(length) else { return .known(count) }
        state = .busy([])
        return .write(from: Int(count - offset))
    }

    mutating func finish(
        sha256: [UInt8],
        now: Duration,
        waiter: @autoclosure () -> Waiter
    ) throws(BackendError) -> FinishAction {
        try checkNotEnded()
        lastUse = now
        if case .busy(let waiters) = state {
            state = .busy(waiters + [waiter()])
            return .wait
        }
        guard sha256 == checksum.sha256 else { return .mismatch }
        state = .busy([])
        return .commit
    }

    /// Throws `NOT_FOUND` where it has ended meanwhile. Returns whom to tell.
    mutating func wrote(_ bytes: ByteBuffer) throws(BackendError) -> [Waiter] {
        guard case .busy(let waiters) = state else { throw .noUpload }
        checksum.add(bytes)
        state = .idle
        return waiters
    }

    /// Nothing was written or committed; it is as it was before. Returns whom to tell.
    mutating func failed() -> [Waiter] {
        guard case .busy(let waiters) = state else { return [] }
        state = .idle
        return waiters
    }

    /// It took its place, or is given up. Returns how many bytes it had, 0 where it had ended before, and whom to tell.
    mutating func end() -> (bytes: UInt64, waiters: [Waiter]) {
        defer { state = .ended }
        return switch state {
        case .idle: (count, [])
        case .busy(let waiters): (count, waiters)
        case .ended: (0, [])
        }
    }

    private func checkNotEnded() throws(BackendError) {
        if case .ended = state { throw .noUpload }
    }
}

extension BackendError {
    static let noUpload = BackendError(
        .notFound,
        message: "there is no upload of that name here: it was finished, given up or forgotten; begin it again"
    )

    fileprivate static func beyondUpload(_ offset: UInt64, has count: UInt64) -> BackendError {
        BackendError(
            .conflict,
            message: "the upload has \(count) bytes, and a piece for \(offset) came: go on from \(count)",
            limit: LimitDetails(name: "upload_offset", used: offset, allowed: count)
        )
    }
}
