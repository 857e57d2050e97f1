internal import AgentBackend

/// How far an upload has come. A value without I/O and clock.
struct UploadMachine<Waiter> {
    enum AppendAction {
        /// All of the piece is there already. So many bytes are.
        case known(UInt64)
        /// Its bytes from this one on are to be written, by nobody else until ``wrote(_:)`` or ``failed()``, one of which
        /// has to follow.
        case write(from: Int)
        /// Another call writes. Its end tells the waiter.
        case wait
    }

    enum FinishAction {
        /// ``committed()`` or ``failed()`` has to follow.
        case commit
        /// The bytes, so many, have another checksum: it has ended.
        case mismatch(UInt64)
        /// Another call writes. Its end tells the waiter.
        case wait
    }

    enum EndAction {
        /// It has, with so many bytes. Comes once.
        case ended(UInt64)
        /// It had before.
        case hadEnded
        /// Another call writes or commits. Its end tells the waiter.
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
    /// Of what is written.
    private(set) var checksum = RunningChecksum()
    private var lastUse: Duration

    init(at now: Duration) {
        lastUse = now
    }

    /// Bytes that are written.
    var count: UInt64 { checksum.count }

    /// When it was used last. Nil: it is at this moment, or has ended.
    var idleSince: Duration? { if case .idle = state { lastUse } else { nil } }

    var hasEnded: Bool { if case .ended = state { true } else { false } }

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
        guard sha256 == checksum.sha256 else {
            state = .ended
            return .mismatch(count)
        }
        state = .busy([])
        return .commit
    }

    /// The bytes are written, and in `checksum`, besides those that were before. Returns whom to tell.
    mutating func wrote(_ checksum: RunningChecksum) -> [Waiter] {
        guard case .busy(let waiters) = state else { return [] }
        self.checksum = checksum
        state = .idle
        return waiters
    }

    /// Nothing was written or committed; it is as it was before. Returns whom to tell.
    mutating func failed() -> [Waiter] {
        guard case .busy(let waiters) = state else { return [] }
        state = .idle
        return waiters
    }

    /// It took its place, and has ended. Returns whom to tell.
    mutating func committed() -> [Waiter] {
        guard case .busy(let waiters) = state else { return [] }
        state = .ended
        return waiters
    }

    /// It is given up.
    mutating func end(waiter: @autoclosure () -> Waiter) -> EndAction {
        switch state {
        case .idle:
            state = .ended
            return .ended(count)
        case .busy(let waiters):
            state = .busy(waiters + [waiter()])
            return .wait
        case .ended: return .hadEnded
        }
    }

    /// It is given up where nobody has used it since `time`. Returns how many bytes it had. Nil: somebody has, or does at
    /// this moment, or it had ended before.
    mutating func endIfIdle(since time: Duration) -> UInt64? {
        guard case .idle = state, lastUse <= time else { return nil }
        state = .ended
        return count
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
