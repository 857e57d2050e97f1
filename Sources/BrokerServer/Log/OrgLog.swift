internal import AgentBackend
internal import Synchronization

/// Who takes an interest in the operations of one org. Safe to use from any thread.
///
/// Without followers an operation costs one look at a number that hardly ever changes.
final class OrgLog: Sendable {
    /// Which operations are of interest, and to whom.
    struct Interest: OptionSet {
        let rawValue: UInt8

        static let loggedChanges = Interest(rawValue: 1)
        static let loggedReads = Interest(rawValue: 2)
        /// And what has failed.
        static let followedChanges = Interest(rawValue: 4)
        static let followedReads = Interest(rawValue: 8)

        static func logged(_ mode: OperationsLogMode?) -> Interest {
            switch mode {
            case nil: []
            case .standard: .loggedChanges
            case .verbose: [.loggedChanges, .loggedReads]
            }
        }

        /// Whether the log wants such an operation.
        func isLogged(isModifying: Bool) -> Bool { contains(isModifying ? .loggedChanges : .loggedReads) }

        /// Whether a follower does. `hasFailed`: nil: that is not known yet.
        func isFollowed(isModifying: Bool, hasFailed: Bool?) -> Bool {
            contains(isModifying || hasFailed != false ? .followedChanges : .followedReads)
        }
    }

    private struct State {
        var mode: OperationsLogMode?
        var followers: [LogFollower] = []
    }

    private let state: Mutex<State>
    private let interest: Atomic<UInt8>

    init(mode: OperationsLogMode?) {
        state = Mutex(State(mode: mode))
        interest = Atomic(Interest.logged(mode).rawValue)
    }

    var current: Interest { Interest(rawValue: interest.load(ordering: .relaxed)) }

    /// What the log records.
    var mode: OperationsLogMode? { state.withLock { $0.mode } }

    func setMode(_ mode: OperationsLogMode?) {
        change { $0.mode = mode }
    }

    func add(_ follower: LogFollower) {
        change { $0.followers.append(follower) }
    }

    func remove(_ follower: LogFollower) {
        change { state in state.followers.removeAll { $0 === follower } }
    }

    /// Hands it to those who follow.
    func offer(_ record: OperationRecord, isModifying: Bool) {
        for follower in state.withLock({ $0.followers }) { follower.offer(record, isModifying: isModifying) }
    }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            var interest = Interest.logged(state.mode)
            if !state.followers.isEmpty { interest.insert(.followedChanges) }
            if state.followers.contains(where: \.isVerbose) { interest.insert(.followedReads) }
            self.interest.store(interest.rawValue, ordering: .relaxed)
        }
    }
}
