internal import AgentBackend
internal import Synchronization

/// What an org's callers did, counted since the start. Safe to use from any thread.
package final class OrgCounters: Sendable {
    let connections = Atomic<Int>(0)
    let callsOK = Atomic<UInt64>(0)
    let callsFailed = Atomic<UInt64>(0)
    /// Calls that wait; those that are answered on the spot never show here.
    let callsWaiting = Atomic<Int>(0)
    let execsRunning = Atomic<Int>(0)
    let workspacesDeleted = Atomic<UInt64>(0)
    /// Removed because they were not used for long.
    let workspacesExpired = Atomic<UInt64>(0)

    @inline(__always)
    func callEnded(failed: Bool) {
        if failed {
            callsFailed.add(1, ordering: .relaxed)
        } else {
            callsOK.add(1, ordering: .relaxed)
        }
    }
}

/// The counters of all orgs.
final class OrgCounterTable: Sendable {
    private let counters = Mutex<[Org.ID: OrgCounters]>([:])

    /// Of all orgs that were ever asked for.
    var all: [OrgCounters] { counters.withLock { Array($0.values) } }

    subscript(org: Org.ID) -> OrgCounters {
        counters.withLock { counters in
            if let known = counters[org] { return known }
            let made = OrgCounters()
            counters[org] = made
            return made
        }
    }
}
