internal import Sandbox

/// How commands are kept apart from the host, from weak to strong; `auto` takes the strongest that works here. The raw
/// values are the names that configuration, logs and the wire use.
public enum IsolationMode: String, Sendable, Hashable, CaseIterable {
    /// The strongest that a probe at start proved to work.
    case auto
    /// A clean environment and an end of the whole tree; nothing else. Only when asked for by name.
    case none
    /// That, with path rules and resource limits, in the host's namespaces.
    case software
    /// That, with no new privileges, a system call filter and Landlock.
    case landlock
    /// Namespaces of its own by bubblewrap: no file, process or network of the host but its workspace and /usr.
    case bwrap

    /// Nil: auto.
    var level: IsolationLevel? { IsolationLevel(rawValue: rawValue) }
}
