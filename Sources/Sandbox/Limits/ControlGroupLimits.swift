internal import AgentBackend
internal import CLinux
internal import Glibc

/// What one control group may have. Nil: as much as those around it.
struct ControlGroupLimits: Sendable, Hashable {
    /// Bytes.
    var memory: UInt64?
    /// Also threads.
    var processes: Int?
    /// 100: as others; 1 to 10000.
    var processorWeight: Int?
    /// Whether the processors' time is to be counted.
    var countsProcessorTime = false
    /// Whether it keeps off the host's loopback and link-local addresses, where the host can do that.
    var confinesNetwork = false

    /// Whether a group needs this resource.
    func concern(_ resource: LimitedResource) -> Bool {
        switch resource {
        case .memory: memory != nil
        case .processes: processes != nil
        case .processorShare: processorWeight != nil
        case .processorTime: countsProcessorTime
        case .network: confinesNetwork
        }
    }
}

extension ControlGroupHierarchy {
    /// Writes what one of its groups may have.
    func apply(_ limits: ControlGroupLimits, to group: String) throws(BackendError) {
        for resource in resources {
            switch (resource, version) {
            case (.memory, .one):
                guard let memory = limits.memory else { continue }
                // The one with swap space may not be less than the other, and is not on every host.
                _ = try? write("-1", "memory.memsw.limit_in_bytes", group)
                try write("\(memory)", "memory.limit_in_bytes", group)
                _ = try? write("\(memory)", "memory.memsw.limit_in_bytes", group)
            case (.memory, .two):
                guard let memory = limits.memory else { continue }
                try write("\(memory)", "memory.max", group)
                _ = try? write("0", "memory.swap.max", group)
            case (.processes, _):
                guard let processes = limits.processes else { continue }
                try write("\(processes)", "pids.max", group)
            case (.processorShare, .one):
                guard let weight = limits.processorWeight else { continue }
                try write("\(max(2, weight * 1024 / 100))", "cpu.shares", group)
            case (.processorShare, .two):
                guard let weight = limits.processorWeight else { continue }
                try write("\(min(max(1, weight), 10_000))", "cpu.weight", group)
            case (.network, _):
                if limits.confinesNetwork { try confineNetwork(of: group) }
            case (.processorTime, _):
                continue
            }
        }
    }

    private func confineNetwork(of group: String) throws(BackendError) {
        let directory = Glibc.open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let opened = try OwnedDescriptor.made(by: "open of a control group", directory < 0 ? -errno : directory)
        try systemCall("bpf", linux_confine_network(opened.rawValue))
    }

    private func write(_ text: String, _ name: String, _ group: String) throws(BackendError) {
        try ControlGroupFile.write(text, to: name, of: group)
    }

    /// Processes that were killed in a group for lack of memory.
    func memoryKills(in group: String) -> ControlGroupCount {
        ControlGroupCount("oom_kill", in: "\(group)/\(version == .one ? "memory.oom_control" : "memory.events")")
    }

    /// Processes that could not be made in a group.
    func refusedProcesses(in group: String) -> ControlGroupCount {
        ControlGroupCount("max", in: "\(group)/pids.events")
    }

    /// That those in a group have had of the processors.
    func processorTime(of group: String) -> Duration {
        switch version {
        case .one:
            .nanoseconds(ControlGroupFile.words("\(group)/cpuacct.usage").first.flatMap { Int64($0) } ?? 0)
        case .two:
            .microseconds(
                Int64(clamping: ControlGroupFile.number("usage_usec", in: ControlGroupFile.text("\(group)/cpu.stat")))
            )
        }
    }
}
