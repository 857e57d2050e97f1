internal import AgentBackend
internal import Synchronization

/// What an org's workspaces hold, and may hold. Safe to use from any thread.
package final class OrgUsage: Sendable {
    private let ledger: SharedUsageLedger
    private let workspaces = Mutex<[String: WorkspaceUsage]>([:])
    private let watch: CommandWatch

    /// - Parameters:
    ///   - workspace: What each workspace may hold.
    ///   - org: What all may hold together.
    ///   - watch: Where it is told that commands run.
    package init(workspace: UsageAmount, org: UsageAmount, watch: CommandWatch = CommandWatch()) {
        self.watch = watch
        ledger = SharedUsageLedger(UsageLedger.Limits(workspace: workspace, org: org))
    }

    /// From now on. What is held already stays, also where it is more.
    package func allow(workspace: UsageAmount, org: UsageAmount) {
        ledger.withLock { $0.limits = UsageLedger.Limits(workspace: workspace, org: org) }
    }

    /// What all workspaces hold that were counted since the start of the process.
    package var used: UsageAmount { ledger.withLock { $0.used } }

    /// The workspace of a key: always the same until ``forget(_:)``.
    package func workspace(_ key: String) -> WorkspaceUsage {
        workspaces.withLock { workspaces in
            if let known = workspaces[key] { return known }
            let made = makeWorkspace()
            workspaces[key] = made
            return made
        }
    }

    /// One without a key. It is forgotten with the last reference to it.
    package func makeWorkspace() -> WorkspaceUsage { WorkspaceUsage(in: ledger, ledger.withLock { $0.open() }, watch) }

    /// The files of the key are gone. To be called while nobody uses them.
    package func forget(_ key: String) {
        workspaces.withLock { $0.removeValue(forKey: key) }?.close()
    }
}

/// An org's ledger behind a lock, which is held for no longer than it takes to compute. Safe to use from any thread.
final class SharedUsageLedger: Sendable {
    private let ledger: Mutex<UsageLedger>

    init(_ limits: UsageLedger.Limits) {
        ledger = Mutex(UsageLedger(limits))
    }

    func withLock<Value: Sendable, Failure: Error>(
        _ body: (inout UsageLedger) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try ledger.withLock { ledger throws(Failure) in try body(&ledger) }
    }
}
