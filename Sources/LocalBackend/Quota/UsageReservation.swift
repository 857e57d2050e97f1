internal import Synchronization

/// Room that is kept for what is being written; given back with the last reference to it. Safe to use from any thread.
///
/// What will be replaced gives room too: it is counted on where there is not enough without it.
final class UsageReservation: Sendable {
    private struct State {
        /// What is written takes so much,
        var needed = UsageAmount()
        /// what it replaces leaves so much,
        var replaced = UsageAmount()
        /// and so much is kept.
        var kept = UsageAmount()
    }

    private let usage: WorkspaceUsage
    private let state = Mutex(State())

    init(of usage: WorkspaceUsage) {
        self.usage = usage
    }

    deinit {
        release()
    }

    /// Gives all of it back. Idempotent.
    func release() {
        usage.release(takeAll())
    }

    /// Has it suffice for so much.
    ///
    /// - Parameter replaced: What will be replaced counts for so much. Asked where there is not enough room.
    func grow(
        to needed: UsageAmount,
        replacing replaced: () -> UsageAmount = { UsageAmount() }
    ) throws(DirectoryAccess.Failure) {
        let before = state.withLock { $0 }
        do throws(DirectoryAccess.Failure) {
            try keep(needed - before.replaced)
        } catch {
            let replaced = replaced()
            guard replaced != before.replaced else { throw error }
            state.withLock { $0.replaced = replaced }
            try keep(needed - replaced)
        }
        state.withLock { $0.needed = needed }
    }

    /// What will be replaced is known for sure now.
    func confirm(replacing replaced: () throws(DirectoryAccess.Failure) -> UsageAmount) throws(DirectoryAccess.Failure)
    {
        let before = state.withLock { $0 }
        // Nearly always: there was room without it.
        guard !before.replaced.isZero else { return }
        let replaced = try replaced()
        state.withLock { $0.replaced = replaced }
        try keep(before.needed - replaced)
    }

    private func keep(_ amount: UsageAmount) throws(DirectoryAccess.Failure) {
        let missing = amount - state.withLock { $0.kept }
        guard !missing.isZero else { return }
        try usage.take(missing)
        state.withLock { $0.kept = $0.kept + missing }
    }

    /// The caller gives it back.
    func takeAll() -> UsageAmount {
        state.withLock { state in
            defer { state.kept = UsageAmount() }
            return state.kept
        }
    }
}
