internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend
internal import Synchronization

/// Lists the workspaces of orgs and removes them. Safe to use from any thread.
///
/// A removal first keeps new entries of the key waiting, then ends the one that lives, and moves the files aside when
/// no entry uses them any more: an acquire that races with it gets either the old workspace or a new, empty one.
final class Workspaces: Sendable {
    let root: BrokerRoot
    let threads: FileThreads
    let locks: WorkspaceLocks
    private let trash: TrashQueue
    private let pool: BrokerCore.Pool
    private let counters: OrgCounterTable
    private let background: BackgroundExecs
    private let usages: OrgUsages
    private let log: OperationsLog
    let time: BrokerTime
    /// How long a removal waits for entries that are ending.
    private let patience: @Sendable () -> Duration

    init(
        root: BrokerRoot,
        threads: FileThreads,
        locks: WorkspaceLocks,
        trash: TrashQueue,
        pool: BrokerCore.Pool,
        counters: OrgCounterTable,
        background: BackgroundExecs,
        usages: OrgUsages,
        log: OperationsLog,
        time: BrokerTime,
        patience: @escaping @Sendable () -> Duration
    ) {
        self.root = root
        self.threads = threads
        self.locks = locks
        self.trash = trash
        self.pool = pool
        self.counters = counters
        self.background = background
        self.usages = usages
        self.log = log
        self.time = time
        self.patience = patience
    }

    /// At most `limit` of those whose keys sort after `key` as bytes and that the token allows.
    func list(for principal: Principal, after key: String, limit: Int) async throws(BackendError) -> WorkspacePage {
        let (root, org) = (root, principal.org)
        let (found, isTruncated) = try await threads.run { () throws(BackendError) in
            try root.workspaces(of: org, after: key, limit: limit, isAllowed: principal.allows(key:))
        }
        let now = time.wallClock()
        let workspaces = found.map { workspace in
            let used = useTime(of: workspace.key, org, now: now)
            return WorkspaceDescription(
                key: workspace.key,
                isLive: used != nil,
                usedNanoseconds: used ?? workspace.usedNanoseconds
            )
        }
        return WorkspacePage(workspaces: workspaces, isTruncated: isTruncated)
    }

    /// Whether a key has files, or had some. Makes none.
    func exists(_ key: String, of org: Org) async throws(BackendError) -> Bool {
        let root = root
        return try await threads.run { () throws(BackendError) in try root.hasWorkspace(of: org, key: key) }
    }

    /// When a key's live entry was last used; nil: it has none.
    private func useTime(of key: String, _ org: Org, now: Int64) -> Int64? {
        switch pool.describe(poolKey(key, of: org))?.state {
        case .active: now
        case .idle(let idle): now - idle.inNanoseconds
        case .resting, .waitingForRoom, .creating, nil: nil
        }
    }

    /// Removes a key's files; its entry is ended first. False: there were none. Throws `CONFLICT` while leases of the
    /// entry are out, unless `force`: then calls that use it fail with `BACKEND_DESTROYED`. No caller finds the files
    /// when this returns; their room on the disk is free a little later.
    func delete(_ key: String, of org: Org, force: Bool) async throws(BackendError) -> Bool {
        try await recorded("delete_workspace", key, org) { () throws(BackendError) in
            let workspace = WorkspaceID(org: org.id, key: key)
            try await locks.claim(workspace)
            let isDeleted: Bool
            do throws(BackendError) {
                try await endEntry(of: workspace, org, force: force)
                isDeleted = try await setAside(key, of: org)
            } catch {
                locks.unclaim(workspace)
                throw error
            }
            locks.unclaim(workspace)
            guard isDeleted else { return false }
            counters[org].workspacesDeleted.add(1, ordering: .relaxed)
            trash.add(org.name)
            return true
        }
    }

    /// Removes a key's files where they were last used before `time` and no entry uses them. False: that is not so.
    func expire(_ key: String, of org: Org, unusedSince time: Int64) async throws(BackendError) -> Bool {
        let workspace = WorkspaceID(org: org.id, key: key)
        try await locks.claim(workspace)
        let isExpired: Bool
        do throws(BackendError) {
            isExpired = locks.isInUse(workspace) ? false : try await setAside(key, of: org, unusedSince: time)
        } catch {
            locks.unclaim(workspace)
            throw error
        }
        locks.unclaim(workspace)
        guard isExpired else { return false }
        counters[org].workspacesExpired.add(1, ordering: .relaxed)
        trash.add(org.name)
        return try await recorded("expire_workspace", key, org) { () throws(BackendError) in true }
    }

    // MARK: -

    private func poolKey(_ key: String, of org: Org) -> PoolKey {
        PoolKey(org: org.id, type: .localFilesystem, name: key)
    }

    /// For the claimant of the workspace: nobody uses it when this returns.
    private func endEntry(of workspace: WorkspaceID, _ org: Org, force: Bool) async throws(BackendError) {
        let key = poolKey(workspace.key, of: org)
        if !force, let leases = pool.describe(key)?.leases, leases > 0 { throw Self.isLeased }
        // A lease may have come in between: the entry goes on for its holder alone.
        if pool.evict(key, force: force) == .retired { throw Self.isLeased }
        if force {
            // Also one that the pool was not told of yet, or had replaced already.
            for entry in locks.entries(of: workspace) { await entry.destroy() }
        }
        guard locks.isInUse(workspace) else { return }
        try await waitForEnds(of: workspace)
    }

    private func waitForEnds(of workspace: WorkspaceID) async throws(BackendError) {
        let (locks, time, patience) = (locks, time, patience())
        let result = await withTaskGroup(of: Result<Void, BackendError>?.self) { group in
            group.addTask {
                do throws(BackendError) {
                    return .success(try await locks.waitForEnds(of: workspace))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await time.sleep(patience)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
        guard let result else { throw Self.isEnding }
        try result.get()
    }

    private func setAside(
        _ key: String,
        of org: Org,
        unusedSince time: Int64? = nil
    ) async throws(BackendError) -> Bool {
        let root = root
        let isGone = try await threads.run { () throws(BackendError) in
            if let time, try root.useTime(of: org, key: key) ?? .max >= time { return false }
            return try root.setAsideWorkspace(of: org, key: key)
        }
        if isGone {
            background.forget(.key(poolKey(key, of: org)), of: org.id)
            usages[org.id]?.forget(key)
        }
        return isGone
    }

    private func recorded(
        _ operation: String,
        _ key: String,
        _ org: Org,
        _ body: () async throws(BackendError) -> Bool
    ) async throws(BackendError) -> Bool {
        let log = EntryLog(log, org: org.name, key: key, mode: nil)
        let start = ContinuousClock.now
        var failure: BackendError.Code?
        defer {
            if log.records(isModifying: true) {
                let duration = start.duration(to: .now)
                log.record(
                    OperationRecord(operation: operation, failure: failure, duration: duration),
                    isModifying: true
                )
            }
        }
        do throws(BackendError) {
            return try await body()
        } catch {
            failure = error.code
            throw error
        }
    }

    private static let isLeased = BackendError(
        .conflict,
        message: "leases of the workspace's entry are out: have them given back, or force it"
    )

    private static let isEnding = BackendError(
        .conflict,
        message: "an entry of the workspace has not come to its end yet: try again",
        isRetryable: true
    )
}
