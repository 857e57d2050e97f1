internal import AgentBackend

/// Commands that have ended, and what they used.
package struct ExecTally: Sendable {
    /// By how they ended: see ``name(of:)``.
    package private(set) var ends: [String: UInt64] = [:]
    /// Processor time.
    package private(set) var user = Duration.zero
    package private(set) var system = Duration.zero

    package init() {}

    mutating func count(_ end: ExecEnd) {
        ends[Self.name(of: end.outcome), default: 0] += 1
        user += end.usage.user
        system += end.usage.system
    }

    package mutating func add(_ other: ExecTally) {
        ends.merge(other.ends, uniquingKeysWith: +)
        user += other.user
        system += other.system
    }

    /// As programs read it, but that exits are told apart: a command that fails is its caller's matter.
    private static func name(of outcome: ExecEnd.Outcome) -> String {
        switch outcome {
        case .exited(code: 0): "exited_zero"
        case .exited: "exited_nonzero"
        default: outcome.name
        }
    }
}
