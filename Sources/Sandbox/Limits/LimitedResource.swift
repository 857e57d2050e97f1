internal import Glibc

/// What control groups limit or measure: of all processes in one together.
enum LimitedResource: Sendable, Hashable, CaseIterable {
    case memory
    /// Processes and threads.
    case processes
    /// How much of the processors it gets when others want them too.
    case processorShare
    /// How much of the processors it has had.
    case processorTime
    /// What of the host's network commands reach that may use it.
    case network

    /// Of version 1 of control groups, and of version 2 where that has one for it.
    var controller: String {
        switch self {
        case .memory: "memory"
        case .processes: "pids"
        case .processorShare: "cpu"
        case .processorTime: "cpuacct"
        case .network: ""
        }
    }

    /// Whether every group of version 2 has it, whatever controllers there are.
    var isInEveryGroup: Bool { self == .processorTime || self == .network }

    /// For the operator.
    var name: String {
        switch self {
        case .memory: "memory"
        case .processes: "processes"
        case .processorShare: "CPU share"
        case .processorTime: "CPU time"
        case .network: "host network"
        }
    }

    /// What holds in place of a control group.
    func substitute(switchesIdentity: Bool) -> String {
        switch self {
        case .memory: "nothing: the size of /tmp and /dev/shm alone is bounded"
        case .processes:
            switchesIdentity ? "RLIMIT_NPROC, of all processes of an org together" : "nothing"
        case .processorShare: "nothing"
        case .processorTime: "RLIMIT_CPU, of each process by itself"
        case .network: "nothing: commands that may use the host's network reach its loopback and link-local addresses"
        }
    }
}

/// How a limit is kept on this host, for the operator.
package struct LimitMechanism: Sendable, Hashable {
    /// What is limited.
    package var limit: String
    /// What keeps it: a control group, or what has to do in its place.
    package var mechanism: String
    /// It was tried, and holds for all processes of a sandbox together.
    package var isProven: Bool
    /// Why not, and what to do about it. Empty where it is proven.
    package var explanation: String
}

extension ControlGroups {
    /// For the operator.
    var report: [LimitMechanism] {
        LimitedResource.allCases.map { resource in
            switch mechanisms[resource] {
            case .success(let hierarchy):
                return LimitMechanism(
                    limit: resource.name,
                    mechanism: "control groups of version \(hierarchy.version == .one ? 1 : 2)",
                    isProven: true,
                    explanation: ""
                )
            case let failure:
                var explanation = ""
                if case .failure(let error) = failure { explanation = error.explanation }
                return LimitMechanism(
                    limit: resource.name,
                    mechanism: resource.substitute(switchesIdentity: geteuid() == 0),
                    isProven: false,
                    explanation: explanation
                )
            }
        }
    }
}
