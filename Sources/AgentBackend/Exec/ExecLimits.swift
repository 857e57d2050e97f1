/// What a command may use, where that is less than what its backend may. Nil: as the backend.
public struct ExecLimits: Sendable, Hashable {
    /// Processor time of its whole tree, which is ended then. Where the host has no control groups: of each process.
    public var cpuTime: Duration?
    /// Of its whole tree, temporary files among it, in bytes. Beyond that the largest process is killed.
    public var memoryBytes: UInt64?
    /// Processes and threads of its whole tree. Beyond that fork(2) fails.
    public var processes: Int?
    /// Of each process. Beyond that open(2) fails.
    public var openFiles: Int?
    /// Longest file that a process writes, in bytes. Beyond that it gets SIGXFSZ.
    public var fileBytes: UInt64?
    /// Of both streams together. Beyond that its tree is ended, and nothing more is read.
    public var outputBytes: UInt64?

    public init(
        cpuTime: Duration? = nil,
        memoryBytes: UInt64? = nil,
        processes: Int? = nil,
        openFiles: Int? = nil,
        fileBytes: UInt64? = nil,
        outputBytes: UInt64? = nil
    ) {
        self.cpuTime = cpuTime
        self.memoryBytes = memoryBytes
        self.processes = processes
        self.openFiles = openFiles
        self.fileBytes = fileBytes
        self.outputBytes = outputBytes
    }

    /// These limits, and where they say nothing those of `outer`. Throws `INVALID_ARGUMENT`, naming the limit, where
    /// they are more than those.
    package func within(_ outer: ExecLimits) throws(BackendError) -> ExecLimits {
        ExecLimits(
            cpuTime: try Self.lower("cpu_time_ms", cpuTime, outer.cpuTime, \.inMilliseconds),
            memoryBytes: try Self.lower("memory_bytes", memoryBytes, outer.memoryBytes) { $0 },
            processes: try Self.lower("processes", processes, outer.processes) { UInt64(clamping: $0) },
            openFiles: try Self.lower("open_files", openFiles, outer.openFiles) { UInt64(clamping: $0) },
            fileBytes: try Self.lower("file_bytes", fileBytes, outer.fileBytes) { $0 },
            outputBytes: try Self.lower("output_bytes", outputBytes, outer.outputBytes) { $0 }
        )
    }

    /// The lower of both, one by one.
    package func lowered(to outer: ExecLimits) -> ExecLimits {
        func lower<Value: Comparable>(_ first: Value?, _ second: Value?) -> Value? {
            guard let first, let second else { return first ?? second }
            return min(first, second)
        }
        return ExecLimits(
            cpuTime: lower(cpuTime, outer.cpuTime),
            memoryBytes: lower(memoryBytes, outer.memoryBytes),
            processes: lower(processes, outer.processes),
            openFiles: lower(openFiles, outer.openFiles),
            fileBytes: lower(fileBytes, outer.fileBytes),
            outputBytes: lower(outputBytes, outer.outputBytes)
        )
    }

    /// These limits with what `overrides` says over them.
    package func merging(_ overrides: ExecLimits) -> ExecLimits {
        ExecLimits(
            cpuTime: overrides.cpuTime ?? cpuTime,
            memoryBytes: overrides.memoryBytes ?? memoryBytes,
            processes: overrides.processes ?? processes,
            openFiles: overrides.openFiles ?? openFiles,
            fileBytes: overrides.fileBytes ?? fileBytes,
            outputBytes: overrides.outputBytes ?? outputBytes
        )
    }

    private static func lower<Value: Comparable>(
        _ name: String,
        _ asked: Value?,
        _ allowed: Value?,
        _ number: (Value) -> UInt64
    ) throws(BackendError) -> Value? {
        guard let asked else { return allowed }
        guard let allowed, asked > allowed else { return asked }
        throw BackendError(
            .invalidArgument,
            reason: .tooLarge,
            message:
                "the limit \(name) of commands is to be \(number(asked)), and they may have \(number(allowed)) here: "
                + "ask for that or less",
            limit: LimitDetails(name: name, used: number(asked), allowed: number(allowed))
        )
    }
}

/// What of the network a command sees. The raw values are those of `NetworkPolicy` in `exec.proto`.
public enum CommandNetwork: UInt32, Sendable, CaseIterable {
    /// A loopback of its sandbox's own.
    case none = 1
    /// The host's, where the backend allows that.
    case host = 2
}
