/// What a pooled entry is made with, beside its key. A member that is nil leaves the choice to the pool's default, and
/// where that is nil too, to who makes the entry.
public struct EntryConfiguration: Sendable, Hashable {
    /// Added to the environment of every command, under the call's own.
    public var environment: Environment
    public var logMode: OperationsLogMode?
    public var limits: EntryLimits
    /// How long the entry may be without a lease before it is destroyed. Nil, at the last: as long as the pool says;
    /// a memory entry, which holds an agent's state, for ever.
    public var idleTimeout: Duration?

    public init(
        environment: Environment = Environment(),
        logMode: OperationsLogMode? = nil,
        limits: EntryLimits = EntryLimits(),
        idleTimeout: Duration? = nil
    ) {
        self.environment = environment
        self.logMode = logMode
        self.limits = limits
        self.idleTimeout = idleTimeout
    }

    /// This one with what `overrides` says over it. Variables are merged name by name.
    public func merging(_ overrides: EntryConfiguration) -> EntryConfiguration {
        EntryConfiguration(
            environment: environment.merging(overrides.environment),
            logMode: overrides.logMode ?? logMode,
            limits: limits.merging(overrides.limits),
            idleTimeout: overrides.idleTimeout ?? idleTimeout
        )
    }
}

/// What an entry may do, where that is less than what its org may. Nil: as the org.
public struct EntryLimits: Sendable, Hashable {
    /// Largest file that file operations write, in bytes.
    public var maximumFileBytes: UInt64?
    /// Longest time that a command may ask for, and what it gets that asks for none.
    public var maximumExecTimeout: Duration?
    /// Bytes that a memory entry may hold.
    public var maximumMemoryBytes: UInt64?
    /// Leases that the entry may have at a time. 1: its holder has it alone.
    public var maximumLeases: Int?
    /// Of each command; memory and processes of all of them together.
    public var exec: ExecLimits

    public init(
        maximumFileBytes: UInt64? = nil,
        maximumExecTimeout: Duration? = nil,
        maximumMemoryBytes: UInt64? = nil,
        maximumLeases: Int? = nil,
        exec: ExecLimits = ExecLimits()
    ) {
        self.maximumFileBytes = maximumFileBytes
        self.maximumExecTimeout = maximumExecTimeout
        self.maximumMemoryBytes = maximumMemoryBytes
        self.maximumLeases = maximumLeases
        self.exec = exec
    }

    func merging(_ overrides: EntryLimits) -> EntryLimits {
        EntryLimits(
            maximumFileBytes: overrides.maximumFileBytes ?? maximumFileBytes,
            maximumExecTimeout: overrides.maximumExecTimeout ?? maximumExecTimeout,
            maximumMemoryBytes: overrides.maximumMemoryBytes ?? maximumMemoryBytes,
            maximumLeases: overrides.maximumLeases ?? maximumLeases,
            exec: exec.merging(overrides.exec)
        )
    }
}
