package import AgentBackend
package import Sandbox

/// A tenant as the running broker knows it. Immutable: a reload makes new ones, and whoever holds an old one
/// keeps what it said.
package final class Org: Sendable {
    /// Dense, from 0; the same name keeps its number across reloads, and no number is used for another name while
    /// the broker runs. Not remembered beyond that.
    package typealias ID = UInt32

    package let id: ID
    package let name: String
    /// The variables that every command of the org starts with.
    package let environment: Environment
    /// Whom its file operations and commands run as. nil where the broker is unprivileged: as the broker.
    package let identity: HostIdentity?
    package let limits: Limits
    /// How long workspaces that nobody uses are kept.
    package let retention: OrgConfiguration.Retention
    /// What commands it is kept from running by mistake.
    package let safety: CommandSafety
    /// What its commands may use.
    package let commands: CommandTenant.Limits

    init(
        id: ID,
        name: String,
        environment: Environment,
        identity: HostIdentity?,
        limits: Limits,
        retention: OrgConfiguration.Retention = OrgConfiguration.Retention(),
        safety: CommandSafety = CommandSafety(),
        commands: CommandTenant.Limits = CommandTenant.Limits()
    ) {
        self.id = id
        self.name = name
        self.environment = environment
        self.identity = identity
        self.limits = limits
        self.retention = retention
        self.safety = safety
        self.commands = commands
    }

    /// The limits of one org, resolved: what its configuration does not say is as for all orgs.
    package struct Limits: Sendable, Hashable {
        package var maxConnections: Int
        /// Calls that had to wait for something and are not answered, but for commands.
        package var maxCallsInFlight: Int
        /// Bytes that are kept of unanswered calls.
        package var maxBytesInFlight: Int
        /// Calls that wait to be begun.
        package var maxQueuedCalls: Int
        /// Longest such wait.
        package var queueTimeout: Duration
        package var maxCallsPerSecond: Int
        /// In both directions together.
        package var maxBytesPerSecond: Int
        /// Calls that are begun, and entries that are made, in the org's turn while several orgs wait for what the
        /// broker has for all.
        package var weight: Int
        /// Pooled entries.
        package var maxEntries: Int
        /// Commands that run at one time.
        package var maxRunning: Int
        /// Bytes in the memory backend.
        package var maxMemoryBytes: Int
        /// Longest file that the file operations write.
        package var maxFileBytes: Int
        /// That the regular files of one workspace take on the disk.
        package var maxWorkspaceBytes: Int
        /// Files of all kinds, and directories.
        package var maxWorkspaceInodes: Int
        /// Of all workspaces together, like the next.
        package var maxDiskBytes: Int
        package var maxDiskInodes: Int
        /// What it may watch.
        package var watch: WatchShare.Limits
        /// Most time that a command may ask for.
        package var maxExecTimeout: Duration
        /// Leases that one entry may have at a time.
        package var maxLeasesPerEntry: Int

        package init(_ org: OrgConfiguration.Limits, defaults: BrokerConfiguration) {
            maxConnections = org.maxConnections ?? defaults.limits.maxConnectionsPerOrg
            maxCallsInFlight = org.maxCallsInFlight ?? defaults.limits.maxCallsInFlightPerOrg
            maxBytesInFlight = org.maxBytesInFlight ?? defaults.limits.maxBytesInFlightPerOrg
            maxQueuedCalls = org.maxQueuedCalls ?? defaults.limits.maxQueuedCallsPerOrg
            queueTimeout = org.queueTimeout ?? defaults.limits.queueTimeout
            maxCallsPerSecond = org.maxCallsPerSecond ?? defaults.limits.maxCallsPerSecondPerOrg
            maxBytesPerSecond = org.maxBytesPerSecond ?? defaults.limits.maxBytesPerSecondPerOrg
            weight = org.weight
            maxEntries = org.maxEntries ?? defaults.pool.maxEntriesPerOrg
            maxRunning = org.maxRunning ?? defaults.exec.maxRunningPerOrg
            maxMemoryBytes = org.maxMemoryBytes ?? defaults.memory.maxBytesPerOrg
            maxFileBytes = org.maxFileBytes ?? defaults.limits.maxFileBytes
            maxWorkspaceBytes = org.maxWorkspaceBytes ?? defaults.limits.maxWorkspaceBytes
            maxWorkspaceInodes = org.maxWorkspaceInodes ?? defaults.limits.maxWorkspaceInodes
            maxDiskBytes = org.maxDiskBytes ?? defaults.limits.maxDiskBytesPerOrg
            maxDiskInodes = org.maxDiskInodes ?? defaults.limits.maxDiskInodesPerOrg
            watch = WatchShare.Limits(
                watches: org.maxWatches ?? defaults.watch.maxPerOrg,
                watchesPerEntry: defaults.watch.maxPerEntry,
                directories: org.maxWatchedDirectories ?? defaults.watch.maxDirectoriesPerOrg,
                waitingChanges: defaults.watch.maxWaitingChanges
            )
            maxExecTimeout = defaults.exec.maxTimeout
            maxLeasesPerEntry = defaults.pool.maxLeasesPerEntry
        }
    }
}
