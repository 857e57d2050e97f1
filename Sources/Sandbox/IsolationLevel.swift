/// How far a command is kept apart from the host, from weak to strong. The raw values are the names that
/// configuration, logs and the wire use.
package enum IsolationLevel: String, Comparable, Sendable, CaseIterable {
    /// A clean environment and an end of the whole tree; nothing else.
    case none
    /// That, with path rules and resource limits, in the host's namespaces.
    case software
    /// That, with no new privileges, a system call filter and Landlock.
    case landlock
    /// Namespaces of its own by bubblewrap: no file, process or network of the host but its workspace and /usr.
    case bwrap

    /// Commands have namespaces of their own. Where they have not they run in the host's file system.
    var hasNamespaces: Bool { self == .bwrap }

    package static func < (left: IsolationLevel, right: IsolationLevel) -> Bool {
        left.strength < right.strength
    }

    private var strength: Int {
        switch self {
        case .none: 0
        case .software: 1
        case .landlock: 2
        case .bwrap: 3
        }
    }
}
