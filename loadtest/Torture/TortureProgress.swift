internal import Synchronization

/// Counts the verified calls of all agents, by what they were. Safe to use from any thread.
final class TortureProgress: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let total = Atomic<Int>(0)

    var calls: Int { total.load(ordering: .relaxed) }
    var byAction: [String: Int] { counts.withLock { $0 } }

    func verified(_ calls: Int, of action: some TortureAction) {
        total.add(calls, ordering: .relaxed)
        counts.withLock { $0[action.rawValue, default: 0] += calls }
    }
}
