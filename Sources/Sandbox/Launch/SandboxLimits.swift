internal import AgentBackend

/// What a sandbox is made with: of its tenant's limits, its own and the runner's those that count.
struct SandboxLimits: Sendable, Hashable {
    /// Bytes.
    let memory: UInt64
    /// Also threads.
    let processes: Int
    let descriptors: Int
    let network: CommandNetwork
    /// Without namespaces every command has the host's network.
    private let hasHostNetwork: Bool
    /// Of all sandboxes of the tenant together.
    let tenant: ControlGroupLimits

    init(_ purpose: SandboxPurpose, _ configuration: CommandRunner.Configuration, _ level: IsolationLevel) {
        let limits = purpose.tenant.limits()
        let ofTenant = ControlGroupLimits(
            memory: limits.exec.memoryBytes ?? configuration.maximumMemory,
            processes: limits.exec.processes ?? configuration.maximumProcesses,
            processorWeight: limits.processorWeight
        )
        tenant = ofTenant
        memory = min(purpose.limits.memoryBytes ?? .max, ofTenant.memory ?? .max)
        processes = min(purpose.limits.processes ?? .max, ofTenant.processes ?? .max)
        network = purpose.network
        hasHostNetwork = purpose.network == .host || !level.hasNamespaces
        descriptors = limits.exec.openFiles ?? configuration.maximumDescriptors
    }

    var group: ControlGroupLimits {
        ControlGroupLimits(memory: memory, processes: processes, confinesNetwork: hasHostNetwork)
    }
}
