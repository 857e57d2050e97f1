internal import AgentBackend

/// The files of a key.
struct WorkspaceID: Sendable, Hashable {
    let org: Org.ID
    let key: String
}

/// Who may use which workspace: any number of entries share one, or a removal claims it for itself.
///
/// A claim comes first: from then on nobody new shares the workspace, and it is the claimant's alone when those that
/// share it have ended. A value without lock, clock or task; each event returns whom to resume.
struct WorkspaceLockMachine<Waiter: Sendable, Holder: AnyObject & Sendable> {
    typealias WaiterID = UInt64

    private struct Lock {
        /// Those that share it and have said who they are, mostly one, and those that have not.
        var holders: [Holder] = []
        var unnamed = 0
        var isClaimed = false
        /// The claimant, while it waits for the holders to end.
        var claimant: WaiterID?
        /// In the order in which they came; those that were cancelled are not in `waiters` any more.
        var toShare: [WaiterID] = []
        var toClaim: [WaiterID] = []

        var isShared: Bool { unnamed > 0 || !holders.isEmpty }
        var isFree: Bool { !isShared && !isClaimed && toShare.isEmpty && toClaim.isEmpty }
    }

    private var locks: [WorkspaceID: Lock] = [:]
    private var waiters: [WaiterID: Waiter] = [:]

    // MARK: Sharing

    /// True: granted. Else the waiter is handed back when it is.
    mutating func share(_ workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard locks[workspace]?.isClaimed ?? false else {
            locks[workspace, default: Lock()].unnamed += 1
            return true
        }
        waiters[id] = waiter
        locks[workspace]?.toShare.append(id)
        return false
    }

    /// One that shares the workspace says who it is. False, and nothing done, where a claim came in between.
    mutating func name(_ holder: Holder, of workspace: WorkspaceID) -> Bool {
        guard let lock = locks[workspace], !lock.isClaimed else { return false }
        locks[workspace]?.unnamed -= 1
        locks[workspace]?.holders.append(holder)
        return true
    }

    /// One that has not said who it is shares it no more.
    mutating func ended(_ workspace: WorkspaceID) -> [Waiter] {
        locks[workspace]?.unnamed -= 1
        return shareEnded(workspace)
    }

    mutating func ended(_ holder: Holder, of workspace: WorkspaceID) -> [Waiter] {
        locks[workspace]?.holders.removeAll { $0 === holder }
        return shareEnded(workspace)
    }

    private mutating func shareEnded(_ workspace: WorkspaceID) -> [Waiter] {
        guard let lock = locks[workspace], !lock.isShared else { return [] }
        locks[workspace]?.claimant = nil
        forgetIfFree(workspace)
        return lock.claimant.flatMap { waiters.removeValue(forKey: $0) }.map { [$0] } ?? []
    }

    // MARK: Claiming

    /// True: granted. Else the waiter is handed back when it is.
    mutating func claim(_ workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard locks[workspace]?.isClaimed ?? false else {
            locks[workspace, default: Lock()].isClaimed = true
            return true
        }
        waiters[id] = waiter
        locks[workspace]?.toClaim.append(id)
        return false
    }

    /// For the claimant. True: nobody shares the workspace. Else the waiter is handed back when that is so.
    mutating func awaitEnds(of workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard isShared(workspace) else { return true }
        waiters[id] = waiter
        locks[workspace]?.claimant = id
        return false
    }

    /// The claim is over: those that wait to share the workspace do, then the next claim counts.
    mutating func unclaim(_ workspace: WorkspaceID) -> [Waiter] {
        guard var lock = locks[workspace] else { return [] }
        var resumed: [Waiter] = []
        for id in lock.toShare {
            guard let waiter = waiters.removeValue(forKey: id) else { continue }
            lock.unnamed += 1
            resumed.append(waiter)
        }
        lock.toShare = []
        lock.isClaimed = false
        while !lock.isClaimed, !lock.toClaim.isEmpty {
            guard let waiter = waiters.removeValue(forKey: lock.toClaim.removeFirst()) else { continue }
            lock.isClaimed = true
            resumed.append(waiter)
        }
        locks[workspace] = lock
        forgetIfFree(workspace)
        return resumed
    }

    // MARK: All

    /// Whoever waited does so no more. Nil: it was granted already.
    mutating func cancel(_ id: WaiterID) -> Waiter? { waiters.removeValue(forKey: id) }

    func isShared(_ workspace: WorkspaceID) -> Bool { locks[workspace]?.isShared ?? false }

    func holders(of workspace: WorkspaceID) -> [Holder] { locks[workspace]?.holders ?? [] }

    /// Keys of an org whose workspaces are shared now.
    func sharedKeys(of org: Org.ID) -> [String] {
        locks.compactMap { workspace, lock in workspace.org == org && lock.isShared ? workspace.key : nil }
    }

    /// Nothing is kept for workspaces that nobody uses.
    var isEmpty: Bool { locks.isEmpty && waiters.isEmpty }

    private mutating func forgetIfFree(_ workspace: WorkspaceID) {
        if locks[workspace]?.isFree ?? false { locks[workspace] = nil }
    }
}
