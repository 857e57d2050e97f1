internal import AgentBackend
internal import Synchronization

/// Keeps entries and removals of one workspace apart; see ``WorkspaceLockMachine``. Safe to use from any thread.
final class WorkspaceLocks: Sendable {
    /// Resumed with false where the wait was called off.
    private typealias Machine = WorkspaceLockMachine<CheckedContinuation<Bool, Never>, BackendEntry>

    private let machine = Mutex(Machine())
    private let lastWaiter = Atomic<UInt64>(0)

    /// Waits until no removal claims the workspace. Followed by ``name(_:of:)`` or ``ended(_:)``. Throws `CANCELLED`.
    func share(_ workspace: WorkspaceID) async throws(BackendError) {
        try await wait { $0.share(workspace, $1, $2) }
    }

    /// The entry is there; it calls ``ended(_:of:)`` when it is no more. False: a removal wants the workspace, and the
    /// entry has to make way.
    func name(_ entry: BackendEntry, of workspace: WorkspaceID) -> Bool {
        machine.withLock { $0.name(entry, of: workspace) }
    }

    func ended(_ workspace: WorkspaceID) {
        resume(machine.withLock { $0.ended(workspace) })
    }

    func ended(_ entry: BackendEntry, of workspace: WorkspaceID) {
        resume(machine.withLock { $0.ended(entry, of: workspace) })
    }

    /// Keeps new entries from the workspace until ``unclaim(_:)``. Waits for an earlier claim to end. Throws
    /// `CANCELLED`.
    func claim(_ workspace: WorkspaceID) async throws(BackendError) {
        try await wait { $0.claim(workspace, $1, $2) }
    }

    /// For the claimant: waits until no entry uses the workspace. Throws `CANCELLED`.
    func waitForEnds(of workspace: WorkspaceID) async throws(BackendError) {
        try await wait { $0.awaitEnds(of: workspace, $1, $2) }
    }

    func unclaim(_ workspace: WorkspaceID) {
        resume(machine.withLock { $0.unclaim(workspace) })
    }

    func isInUse(_ workspace: WorkspaceID) -> Bool { machine.withLock { $0.isShared(workspace) } }

    /// The entries that use the workspace.
    func entries(of workspace: WorkspaceID) -> [BackendEntry] { machine.withLock { $0.holders(of: workspace) } }

    func keysInUse(of org: Org.ID) -> [String] { machine.withLock { $0.sharedKeys(of: org) } }

    private func wait(
        _ begin: (inout Machine, UInt64, CheckedContinuation<Bool, Never>) -> Bool
    ) async throws(BackendError) {
        let id = lastWaiter.add(1, ordering: .relaxed).newValue
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = machine.withLock { machine -> Bool? in
                    // Read under the lock: a cancellation from here on finds the waiter.
                    if Task.isCancelled { return false }
                    return begin(&machine, id, continuation) ? true : nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            machine.withLock { $0.cancel(id) }?.resume(returning: false)
        }
        guard isGranted else {
            throw BackendError(.cancelled, message: "the wait for the workspace was called off: nothing was done")
        }
    }

    private func resume(_ waiters: [CheckedContinuation<Bool, Never>]) {
        for waiter in waiters { waiter.resume(returning: true) }
    }
}
