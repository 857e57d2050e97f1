internal import AgentBackend
internal import AuditLog
internal import BackendPool
internal import BrokerWire
internal import LocalBackend

/// What the router keeps for one authenticated connection.
///
/// `@unchecked Sendable`: only touched on the event loop of its connection, which ``Router`` runs on.
package final class Session: @unchecked Sendable {
    /// Another one after a reload.
    private(set) var principal: Principal
    /// As the principal says, like the next two. Every call asks for them: all of the principal need not be looked at.
    private(set) var isReadOnly: Bool
    /// Its token is for some keys only.
    private(set) var isNarrowed: Bool
    /// The same after a reload.
    let org: Org.ID
    /// Leases that the client asked for by name.
    var leases: [LeaseID: HeldLease] = [:]
    /// Commands in the foreground, by their calls.
    var commands: [UInt64: any CommandExecution] = [:]
    /// Calls that wait for an entry.
    private(set) var acquiring = 0
    /// The present read batch. `@exclusivity(unchecked)`: as in ``ConnectionHandler``.
    @exclusivity(unchecked) var batch = CallBatch()

    /// Who calls, for the audit log.
    var auditCaller = AuditCaller(tokenID: "", tokenName: "", connection: 0, peer: "", client: "")

    /// Whether an answer of so many bytes can be sent at once. One that cannot has to wait, and a read is made once more
    /// then.
    var canSend: (_ bytes: Int) -> Bool = { _ in true }

    /// A lease that the client holds, and how many calls use it right now.
    struct HeldLease {
        var lease: LeaseGrant<BackendEntry>
        var key: PoolKey
        var users = 0
        /// Given back by the client: it ends with its last user.
        var isReleased = false
    }

    package init(principal: Principal) {
        self.principal = principal
        isReadOnly = principal.isReadOnly
        org = principal.org.id
        isNarrowed = principal.keyPatterns != nil
    }

    /// Waits for an entry.
    func acquire(
        _ key: PoolKey,
        configuration: EntryConfiguration? = nil,
        queueDeadline: Duration?,
        from pool: BrokerCore.Pool
    ) async throws(BackendError) -> LeaseGrant<BackendEntry> {
        acquiring += 1
        defer { acquiring -= 1 }
        return try await pool.acquireGrant(key, configuration: configuration, queueDeadline: queueDeadline)
    }

    /// The token may allow something else from now on: leases of keys that it does not allow any more are given back.
    func renew(_ principal: Principal, releasingTo pool: BrokerCore.Pool) {
        self.principal = principal
        isReadOnly = principal.isReadOnly
        isNarrowed = principal.keyPatterns != nil
        for (id, held) in leases where (try? principal.authorize(key: held.key.name)) == nil {
            _ = release(id.rawValue, in: pool)
        }
    }
}
