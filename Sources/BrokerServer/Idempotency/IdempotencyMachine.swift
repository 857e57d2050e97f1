internal import AgentBackend
internal import DequeModule

/// Which idempotency keys the orgs have used, and what came of the calls. A value without clock: its driver tells it the
/// time, by one clock that nobody sets.
struct IdempotencyMachine<Outcome, Waiter> {
    struct Limits: Hashable {
        /// Keys of one org that are remembered.
        var maximumKeysPerOrg: Int
        /// How long after the end of its call.
        var window: Duration
    }

    enum Beginning {
        /// It is the first: it is carried out, and ``end(_:of:with:at:)`` has to follow.
        case run
        /// The first has not ended. Its end tells this waiter.
        case wait
        case replay(Outcome)
        /// The key was used for another request.
        case conflict
        /// So many keys are remembered; the oldest for so much longer. Nil: all of their calls are under way.
        case full(used: Int, retryAfter: Duration?)
    }

    private enum State {
        case running(waiters: [Waiter])
        case ended(Outcome)
    }

    private struct Entry {
        let request: Int
        var state: State
    }

    private struct OrgKeys {
        var entries: [String: Entry] = [:]
        /// Those whose calls have ended, the first of them first.
        var ended: Deque<(key: String, forgottenAt: Duration)> = []
    }

    private var orgs: [Org.ID: OrgKeys] = [:]

    /// `request`: equal for equal requests. `waiter`: whom to tell where it has to wait.
    mutating func begin(
        _ key: String,
        of org: Org.ID,
        request: Int,
        waiter: @autoclosure () -> Waiter,
        _ limits: Limits,
        at now: Duration
    ) -> Beginning {
        forget(org, at: now)
        var keys = orgs[org] ?? OrgKeys()
        // Not copied when it is changed.
        orgs[org] = nil
        defer { if !keys.entries.isEmpty { orgs[org] = keys } }
        guard let entry = keys.entries[key] else {
            guard keys.entries.count < limits.maximumKeysPerOrg else {
                return .full(used: keys.entries.count, retryAfter: keys.ended.first.map { $0.forgottenAt - now })
            }
            keys.entries[key] = Entry(request: request, state: .running(waiters: []))
            return .run
        }
        guard entry.request == request else { return .conflict }
        switch entry.state {
        case .ended(let outcome): return .replay(outcome)
        case .running(let waiters):
            keys.entries[key]?.state = .running(waiters: waiters + [waiter()])
            return .wait
        }
    }

    /// The call of a key has ended. `outcome`: nil where nothing was done, so that the next call is the first. Returns
    /// whom to tell.
    mutating func end(
        _ key: String,
        of org: Org.ID,
        with outcome: Outcome?,
        _ limits: Limits,
        at now: Duration
    ) -> [Waiter] {
        guard let entry = orgs[org]?.entries[key], case .running(let waiters) = entry.state else { return [] }
        if let outcome {
            orgs[org]?.entries[key]?.state = .ended(outcome)
            orgs[org]?.ended.append((key, now + limits.window))
        } else {
            orgs[org]?.entries[key] = nil
            if orgs[org]?.entries.isEmpty ?? false { orgs[org] = nil }
        }
        return waiters
    }

    private mutating func forget(_ org: Org.ID, at now: Duration) {
        while let oldest = orgs[org]?.ended.first, oldest.forgottenAt <= now {
            orgs[org]?.ended.removeFirst()
            orgs[org]?.entries[oldest.key] = nil
        }
        if orgs[org]?.entries.isEmpty ?? false { orgs[org] = nil }
    }
}
