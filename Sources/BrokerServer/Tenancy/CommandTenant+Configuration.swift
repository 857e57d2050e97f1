internal import AgentBackend
internal import Sandbox

extension CommandTenant.Limits {
    /// Of an org: what its configuration does not say is as for all.
    init(_ org: OrgConfiguration.Exec, defaults: BrokerConfiguration.Exec) {
        self.init(
            exec: ExecLimits(
                cpuTime: org.maxCPUTime ?? defaults.maxCPUTime,
                memoryBytes: (org.maxMemoryBytes ?? defaults.maxMemoryBytes).map { UInt64($0) },
                processes: org.maxProcesses ?? defaults.maxProcesses,
                openFiles: org.maxOpenFiles ?? defaults.maxOpenFiles,
                fileBytes: UInt64(org.maxFileBytes ?? defaults.maxFileBytes),
                outputBytes: (org.maxOutputBytes ?? defaults.maxOutputBytes).map { UInt64($0) }
            ),
            processorWeight: org.cpuWeight ?? defaults.cpuWeight,
            allowsHostNetwork: org.hostNetwork ?? defaults.hostNetwork
        )
    }
}
