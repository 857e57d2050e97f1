internal import AgentBackend
internal import Sandbox

extension EntryLimits {
    /// Throws `INVALID_ARGUMENT`, naming the limit, for more than the org may have itself.
    func validate(within org: Org) throws(BackendError) {
        _ = try exec.within(org.commands.exec)
        let org = org.limits
        try Self.check("max_file_bytes", maximumFileBytes, UInt64(org.maxFileBytes))
        try Self.check("max_memory_bytes", maximumMemoryBytes, UInt64(org.maxMemoryBytes))
        try Self.check("max_exec_timeout_ms", maximumExecTimeout?.inMilliseconds, org.maxExecTimeout.inMilliseconds)
        try Self.check("max_leases", maximumLeases.map { UInt64($0) }, UInt64(org.maxLeasesPerEntry))
    }

    private static func check(_ name: String, _ asked: UInt64?, _ allowed: UInt64) throws(BackendError) {
        guard let asked, asked > allowed else { return }
        throw BackendError(
            .invalidArgument,
            reason: .tooLarge,
            message: "the limit \(name) is to be \(asked), and the org itself has \(allowed): ask for that or less",
            limit: LimitDetails(name: name, used: asked, allowed: allowed)
        )
    }
}
