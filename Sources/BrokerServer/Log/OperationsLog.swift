package import AgentBackend
internal import Synchronization

/// The broker's own operations log: one JSON line per operation to its output, and to those who follow an org.
///
/// Safe to use from any thread.
package final class OperationsLog: OperationsLogger {
    private struct State {
        var mode: OperationsLogMode?
        /// By name. Kept for good: there are as many as orgs were ever configured.
        var orgs: [String: OrgLog] = [:]
        var followers: [UInt64: LogFollower] = [:]
        var lastFollower: UInt64 = 0
        var isEnding = false
    }

    private let state: Mutex<State>
    private let output: BrokerOutput

    /// `mode` nil: nothing is logged unless an entry asks for it.
    package init(mode: OperationsLogMode?, output: BrokerOutput) {
        state = Mutex(State(mode: mode))
        self.output = output
    }

    package func record(_ record: OperationRecord) {
        output.record(record)
    }

    /// What is logged from now on, also of entries that live already but for those that ask for a mode of their own.
    package func setMode(_ mode: OperationsLogMode?) {
        state.withLock { state in
            state.mode = mode
            for org in state.orgs.values { org.setMode(mode) }
        }
    }

    /// The log of one org, always the same.
    func org(_ name: String) -> OrgLog {
        state.withLock { state in
            if let known = state.orgs[name] { return known }
            let made = OrgLog(mode: state.mode)
            for follower in state.followers.values where follower.follows(name) { made.add(follower) }
            state.orgs[name] = made
            return made
        }
    }

    /// Begins to collect what an org does; nil: what all orgs do. Give it back to ``unfollow(_:)``.
    ///
    /// - Parameters:
    ///   - isVerbose: Also what changes nothing and has not failed.
    ///   - maximum: Followers of that org, or of all together. One more is `RESOURCE_EXHAUSTED`.
    ///   - buffer: Bytes of records that wait for the follower; those that do not fit are counted.
    ///   - allows: The keys that it is told of.
    func follow(
        _ org: String?,
        isVerbose: Bool,
        maximum: Int,
        buffer: Int,
        allows: @escaping @Sendable (_ key: String) -> Bool = { _ in true }
    ) throws(BackendError) -> LogFollower {
        try state.withLock { state throws(BackendError) in
            guard !state.isEnding else {
                throw BackendError(.shuttingDown, message: "the broker shuts down: follow the next one")
            }
            let used = state.followers.values.count { $0.org == org }
            guard used < maximum else { throw Self.tooMany(used, maximum) }
            state.lastFollower += 1
            let follower = LogFollower(
                id: state.lastFollower,
                org: org,
                isVerbose: isVerbose,
                maximumPending: buffer,
                allows: allows
            )
            state.followers[follower.id] = follower
            for (name, log) in state.orgs where follower.follows(name) { log.add(follower) }
            return follower
        }
    }

    func unfollow(_ follower: LogFollower) {
        state.withLock { state in
            state.followers[follower.id] = nil
            for (name, log) in state.orgs where follower.follows(name) { log.remove(follower) }
        }
    }

    /// Followers get what was recorded before, and are at their end. Idempotent.
    func endFollowing() {
        let followers = state.withLock { state in
            state.isEnding = true
            return Array(state.followers.values)
        }
        for follower in followers { follower.end() }
    }

    private static func tooMany(_ used: Int, _ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message:
                "\(used) callers follow these operations already, at most \(allowed) may: end one of them, or have "
                + "log.max_followers_per_org raised",
            isRetryable: true,
            limit: LimitDetails(name: "log_followers", used: UInt64(used), allowed: UInt64(allowed))
        )
    }
}
