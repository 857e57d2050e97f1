/// What a pooled entry is made with, beside its key. A member that is nil leaves the choice to the pool's default, and
/// where that is nil too, to who makes the entry.
public struct EntryConfiguration: Sendable, Hashable {
    /// One for all copies: a pool keeps several for each of its entries, which are mostly the default.
    private var storage: Storage

    /// Added to the environment of every command, under the call's own.
    public var environment: Environment {
        get { storage.members.environment }
        set { members.environment = newValue }
    }
    public var logMode: OperationsLogMode? {
        get { storage.members.logMode }
        set { members.logMode = newValue }
    }
    public var limits: EntryLimits {
        get { storage.members.limits }
        set { members.limits = newValue }
    }
    /// How long the entry may be without a lease before it is destroyed. Nil, at the last: as long as the pool says;
    /// a memory entry, which holds an agent's state, for ever.
    public var idleTimeout: Duration? {
        get { storage.members.idleTimeout }
        set { members.idleTimeout = newValue }
    }

    public init(
        environment: Environment = Environment(),
        logMode: OperationsLogMode? = nil,
        limits: EntryLimits = EntryLimits(),
        idleTimeout: Duration? = nil
    ) {
        storage = Storage.of(
            Members(environment: environment, logMode: logMode, limits: limits, idleTimeout: idleTimeout)
        )
    }

    private var members: Members {
        get { storage.members }
        set { storage = Storage.of(newValue) }
    }

    private struct Members: Sendable, Hashable {
        var environment = Environment()
        var logMode: OperationsLogMode?
        var limits = EntryLimits()
        var idleTimeout: Duration?
    }

    private final class Storage: Sendable, Hashable {
        let members: Members

        private static let ofDefault = Storage(Members())

        private init(_ members: Members) {
            self.members = members
        }

        static func of(_ members: Members) -> Storage {
            members == ofDefault.members ? ofDefault : Storage(members)
        }

        static func == (left: Storage, right: Storage) -> Bool {
            left === right || left.members == right.members
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(members)
        }
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
