internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// What an org's callers did, counted since the start. Safe to use from any thread.
package final class OrgCounters: Sendable {
    let connections = Atomic<Int>(0)
    /// Calls that wait; those that are answered on the spot never show here.
    let callsWaiting = Atomic<Int>(0)
    let execsRunning = Atomic<Int>(0)
    let workspacesDeleted = Atomic<UInt64>(0)
    /// Removed because they were not used for long.
    let workspacesExpired = Atomic<UInt64>(0)
    private let calls = Mutex<[ObjectIdentifier: CallCounters]>([:])
    private let execs = Mutex(ExecTally())

    /// Those of the connections of an event loop.
    func calls(on eventLoop: any EventLoop) -> CallCounters {
        calls.withLock { calls in
            if let known = calls[ObjectIdentifier(eventLoop)] { return known }
            let made = CallCounters()
            calls[ObjectIdentifier(eventLoop)] = made
            return made
        }
    }

    func execEnded(_ end: ExecEnd) {
        execs.withLock { $0.count(end) }
    }

    /// Of all event loops.
    package var callTally: CallTally {
        calls.withLock { Array($0.values) }.reduce(into: CallTally()) { $1.add(to: &$0) }
    }

    package var execTally: ExecTally { execs.withLock { $0 } }
}

/// The counters of all orgs. Safe to use from any thread.
package final class OrgCounterTable: Sendable {
    private struct Member {
        let name: String
        let counters = OrgCounters()
    }

    private let members = Mutex<[Org.ID: Member]>([:])

    /// Of all orgs that were ever asked for, those included that are not in the configuration any more.
    package var all: [(id: Org.ID, name: String, counters: OrgCounters)] {
        members.withLock { $0.map { (id: $0.key, name: $0.value.name, counters: $0.value.counters) } }
            .sorted { $0.id < $1.id }
    }

    package subscript(org: Org) -> OrgCounters {
        members.withLock { members in
            if let known = members[org.id] { return known.counters }
            let made = Member(name: org.name)
            members[org.id] = made
            return made.counters
        }
    }
}
