package import BackendPool
package import BrokerWire

/// What operators are told of a broker, at one moment; each org's part on its own.
package struct BrokerMetrics: Sendable {
    package var version = ""
    package var node = ""
    package var isolation = ""
    package var uptime = Duration.zero
    package var isDraining = false
    package var orgs: [OrgMetrics] = []
    /// Those included that have not said hello.
    package var connections = 0
    /// Of peers that had shown no valid token, since the start.
    package var connectionsRefused: UInt64 = 0
    package var connectionsDisplaced: UInt64 = 0
    package var authFailures: UInt64 = 0
    /// That all orgs share.
    package var limits: [LimitUse] = []
    package var process = ProcessMetrics()
    /// How long the last look at each event loop of the wire had to wait for its turn.
    package var eventLoopDelays: [Duration] = []
}

/// What one org does, and has.
package struct OrgMetrics: Sendable {
    package let id: Org.ID
    package let name: String
    package var calls = CallTally()
    package var execs = ExecTally()
    package var execsRunning = 0
    package var connections = 0
    /// Calls that had to wait for something and are not answered.
    package var callsWaiting = 0
    package var workspacesDeleted: UInt64 = 0
    package var workspacesExpired: UInt64 = 0
    package var pool = PoolStatistics()
    package var admission = CallAdmissionSnapshot()
    /// Empty for an org that is not in the configuration any more.
    package var limits: [LimitUse] = []

    package init(id: Org.ID, name: String) {
        self.id = id
        self.name = name
    }

    /// Takes another org for one with this one.
    package mutating func add(_ other: OrgMetrics) {
        calls.add(other.calls)
        execs.add(other.execs)
        execsRunning += other.execsRunning
        connections += other.connections
        callsWaiting += other.callsWaiting
        workspacesDeleted += other.workspacesDeleted
        workspacesExpired += other.workspacesExpired
        pool.add(other.pool)
        admission.add(other.admission)
        for limit in other.limits {
            if let index = limits.firstIndex(where: { $0.name == limit.name }) {
                limits[index].used &+= limit.used
                limits[index].allowed &+= limit.allowed
            } else {
                limits.append(limit)
            }
        }
    }
}
