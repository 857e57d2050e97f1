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

    /// Those that share a workspace: there are as many of these as workspaces in use.
    private struct Sharers {
        /// One that has said who it is, mostly the only one, and the others that have.
        var holder: Holder?
        var others: [Holder] = []
        /// Those that have not.
        var unnamed = 0

        var holders: [Holder] { (holder.map { [$0] } ?? []) + others }
        var isEmpty: Bool { unnamed <= 0 && holder == nil }

        mutating func add(_ new: Holder) {
            if holder == nil { holder = new } else { others.append(new) }
        }

        mutating func remove(_ ended: Holder) {
            guard holder === ended else { return others.removeAll { $0 === ended } }
            holder = others.isEmpty ? nil : others.removeFirst()
        }
    }

    /// There is one while a workspace is claimed.
    private struct Claim {
        /// The claimant, while it waits for the holders to end.
        var claimant: WaiterID?
        /// In the order in which they came; those that were cancelled are not in `waiters` any more.
        var toShare: [WaiterID] = []
        var toClaim: [WaiterID] = []
    }

    private var sharers: [WorkspaceID: Sharers] = [:]
    private var claims: [WorkspaceID: Claim] = [:]
    private var waiters: [WaiterID: Waiter] = [:]

    // MARK: Sharing

    /// True: granted. Else the waiter is handed back when it is.
    mutating func share(_ workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard isClaimed(workspace) else {
            sharers[workspace, default: Sharers()].unnamed += 1
            return true
        }
        waiters[id] = waiter
        claims[workspace]?.toShare.append(id)
        return false
    }

    /// One that shares the workspace says who it is. False, and nothing done, where a claim came in between.
    mutating func name(_ holder: Holder, of workspace: WorkspaceID) -> Bool {
        guard isShared(workspace), !isClaimed(workspace) else { return false }
        sharers[workspace]?.unnamed -= 1
        sharers[workspace]?.add(holder)
        return true
    }

    /// One that has not said who it is shares it no more.
    mutating func ended(_ workspace: WorkspaceID) -> [Waiter] {
        sharers[workspace]?.unnamed -= 1
        return shareEnded(workspace)
    }

    mutating func ended(_ holder: Holder, of workspace: WorkspaceID) -> [Waiter] {
        sharers[workspace]?.remove(holder)
        return shareEnded(workspace)
    }

    private mutating func shareEnded(_ workspace: WorkspaceID) -> [Waiter] {
        guard !isShared(workspace) else { return [] }
        sharers[workspace] = nil
        guard let claimant = claims[workspace]?.claimant else { return [] }
        claims[workspace]?.claimant = nil
        return waiters.removeValue(forKey: claimant).map { [$0] } ?? []
    }

    // MARK: Claiming

    /// True: granted. Else the waiter is handed back when it is.
    mutating func claim(_ workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard isClaimed(workspace) else {
            claims[workspace] = Claim()
            return true
        }
        waiters[id] = waiter
        claims[workspace]?.toClaim.append(id)
        return false
    }

    /// For the claimant. True: nobody shares the workspace. Else the waiter is handed back when that is so.
    mutating func awaitEnds(of workspace: WorkspaceID, _ id: WaiterID, _ waiter: Waiter) -> Bool {
        guard isShared(workspace) else { return true }
        waiters[id] = waiter
        claims[workspace]?.claimant = id
        return false
    }

    /// The claim is over: those that wait to share the workspace do, then the next claim counts.
    mutating func unclaim(_ workspace: WorkspaceID) -> [Waiter] {
        guard var claim = claims.removeValue(forKey: workspace) else { return [] }
        var resumed: [Waiter] = []
        for id in claim.toShare {
            guard let waiter = waiters.removeValue(forKey: id) else { continue }
            sharers[workspace, default: Sharers()].unnamed += 1
            resumed.append(waiter)
        }
        claim.toShare = []
        while !claim.toClaim.isEmpty {
            guard let waiter = waiters.removeValue(forKey: claim.toClaim.removeFirst()) else { continue }
            claims[workspace] = claim
            resumed.append(waiter)
            break
        }
        return resumed
    }

    // MARK: All

    /// Whoever waited does so no more. Nil: it was granted already.
    mutating func cancel(_ id: WaiterID) -> Waiter? { waiters.removeValue(forKey: id) }

    func isShared(_ workspace: WorkspaceID) -> Bool { sharers[workspace].map { !$0.isEmpty } ?? false }

    private func isClaimed(_ workspace: WorkspaceID) -> Bool { claims[workspace] != nil }

    func holders(of workspace: WorkspaceID) -> [Holder] { sharers[workspace]?.holders ?? [] }

    /// Keys of an org whose workspaces are shared now.
    func sharedKeys(of org: Org.ID) -> [String] {
        sharers.compactMap { workspace, sharers in workspace.org == org && !sharers.isEmpty ? workspace.key : nil }
    }

    /// Nothing is kept for workspaces that nobody uses.
    var isEmpty: Bool { sharers.isEmpty && claims.isEmpty && waiters.isEmpty }
}
