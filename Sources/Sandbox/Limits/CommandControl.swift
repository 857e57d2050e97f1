internal import AgentBackend
internal import Glibc

/// What holds one command to its limits, and tells what it came up against. Safe to share.
final class CommandControl: Sendable {
    /// Of the sandbox. Nil where the host has none.
    private let sandbox: ControlGroup?
    /// Its own, where it has limits that the sandbox's does not keep.
    private let own: ControlGroup?
    /// What had happened before it.
    private let before: ControlGroup.Counts
    /// Files to which its program writes "0".
    let members: [SharedDescriptor]
    /// RLIMIT_CPU, where nothing counts the time of its whole tree. 0: none.
    let processorSeconds: UInt32

    static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Between two looks at what it has used.
    static let shortestLook = Duration.milliseconds(10)

    /// Throws `MISSING_UTILITIES` for a limit that this host cannot keep, and `RESOURCE_EXHAUSTED`.
    init(_ limits: ExecLimits, in sandbox: ControlGroup?) throws(BackendError) {
        var wanted = ControlGroupLimits()
        if let memory = limits.memoryBytes, memory < sandbox?.limits.memory ?? .max { wanted.memory = memory }
        if let processes = limits.processes, processes < sandbox?.limits.processes ?? .max {
            wanted.processes = processes
        }
        wanted.countsProcessorTime = limits.cpuTime != nil && sandbox?.has(.processorTime) ?? false
        if let time = limits.cpuTime, !wanted.countsProcessorTime {
            processorSeconds = UInt32(clamping: max(1, (time.inMilliseconds + 999) / 1000))
        } else {
            processorSeconds = 0
        }
        self.sandbox = sandbox
        if wanted == ControlGroupLimits() {
            own = nil
            members = []
        } else {
            let own = try ControlGroup.makeForCommand(wanted, in: sandbox)
            self.own = own
            do throws(BackendError) {
                members = try own.openMembers()
            } catch {
                own.remove()
                throw error
            }
        }
        before = Self.counts(own, sandbox)
    }

    var countsProcessorTime: Bool { own?.has(.processorTime) ?? false }

    /// That its whole tree has had. Nil: it is not counted.
    var processorTime: Duration? { own?.processorTime }

    /// Since it was started.
    func happened() -> ControlGroup.Counts {
        let now = Self.counts(own, sandbox)
        return ControlGroup.Counts(
            memoryKills: now.memoryKills &- before.memoryKills,
            refusedProcesses: now.refusedProcesses &- before.refusedProcesses
        )
    }

    /// Nothing of it is left, or it was never started.
    func commandEnded() {
        own?.remove()
    }

    /// Of its own group as far as that tells, else of the sandbox's.
    private static func counts(_ own: ControlGroup?, _ sandbox: ControlGroup?) -> ControlGroup.Counts {
        let (ofOwn, ofSandbox) = (own?.counts, sandbox?.counts)
        return ControlGroup.Counts(
            memoryKills: (own?.has(.memory) == true ? ofOwn : ofSandbox)?.memoryKills ?? 0,
            refusedProcesses: (own?.has(.processes) == true ? ofOwn : ofSandbox)?.refusedProcesses ?? 0
        )
    }
}
