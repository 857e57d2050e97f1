internal import Synchronization

/// Counts the verified calls of all agents, by what they were. Safe to use from any thread.
final class MixedProgress: Sendable {
    private let counts = Mutex<[MixedAction: Int]>([:])
    private let total = Atomic<Int>(0)

    var calls: Int { total.load(ordering: .relaxed) }
    var byAction: [MixedAction: Int] { counts.withLock { $0 } }

    func verified(_ calls: Int, of action: MixedAction) {
        total.add(calls, ordering: .relaxed)
        counts.withLock { $0[action, default: 0] += calls }
    }
}

/// What an agent does in one step.
enum MixedAction: String, Codable, CaseIterable {
    case echo, burst, read, write, swap, look, list, move, memory, lease, keyless, command, input, refused
    case cancelled, late, dropped, torn, strange

    /// Of all steps, in thousandths; together 1000.
    var weight: Int {
        switch self {
        case .echo: 300
        case .burst: 20
        case .read: 210
        case .write: 100
        case .swap: 15
        case .look: 90
        case .list: 20
        case .move: 30
        case .memory: 130
        case .lease: 25
        case .keyless: 3
        case .command: 15
        case .input: 2
        case .refused: 25
        case .cancelled: 8
        case .late: 3
        case .dropped: 2
        case .torn: 1
        case .strange: 1
        }
    }

    static func random(using generator: inout some RandomNumberGenerator) -> MixedAction {
        var number = Int.random(in: 0..<allCases.reduce(0) { $0 + $1.weight }, using: &generator)
        for action in allCases {
            number -= action.weight
            if number < 0 { return action }
        }
        return .echo
    }
}
