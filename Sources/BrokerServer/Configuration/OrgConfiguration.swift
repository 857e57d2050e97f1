package import AgentBackend

/// One tenant, as the operator names it.
package struct OrgConfiguration: Sendable, Hashable {
    /// A ``Name``; unique in the configuration. Also the name of its directory.
    package var name: String
    /// Who may speak for it. An org without tokens is kept, but nobody can connect to it.
    package var tokens: [TokenRecord] = []
    /// The variables that every command of the org starts with.
    package var env = Environment()
    package var limits = Limits()
    package var exec = Exec()
    package var retention = Retention()

    package init(name: String) {
        self.name = name
    }

    /// Commands of this org, where they are treated differently. nil: as for all orgs.
    package struct Exec: Sendable, Hashable {
        package var preventDangerous: Bool?
        /// In place of those of all orgs.
        package var allowPatterns: [RegularExpression]?
        /// Processor time of one command with all that it starts.
        package var maxCPUTime: Duration?
        /// Of all commands together, like the next.
        package var maxMemoryBytes: Int?
        package var maxProcesses: Int?
        /// Of one process.
        package var maxOpenFiles: Int?
        /// Longest file that a process writes.
        package var maxFileBytes: Int?
        /// That one command may write to both its streams.
        package var maxOutputBytes: Int?
        /// Of all commands together, when others want the processors too.
        package var cpuWeight: Int?
        package var hostNetwork: Bool?
    }

    /// How long workspaces are kept that nobody uses.
    package struct Retention: Sendable, Hashable {
        /// Time without an entry after which a workspace is deleted with all of its files. nil: they are kept for ever.
        package var unusedFor: Duration?
        /// Keys whose workspaces are kept all the same.
        package var keep: [KeyPattern] = []
    }

    /// Limits of this org where they differ from those of all orgs. nil: as for all.
    package struct Limits: Sendable, Hashable {
        package var maxConnections: Int?
        /// Calls that had to wait for something and are not answered, but for commands.
        package var maxCallsInFlight: Int?
        /// Bytes that are kept of unanswered calls.
        package var maxBytesInFlight: Int?
        /// Calls that wait to be begun.
        package var maxQueuedCalls: Int?
        /// Longest such wait.
        package var queueTimeout: Duration?
        package var maxCallsPerSecond: Int?
        package var maxBytesPerSecond: Int?
        /// How many of the org come in its turn while several orgs wait.
        package var weight = 1
        /// Pooled entries.
        package var maxEntries: Int?
        /// Commands that run at one time.
        package var maxRunning: Int?
        /// Bytes in the memory backend.
        package var maxMemoryBytes: Int?
        /// Longest file that the file operations write.
        package var maxFileBytes: Int?
        /// That the regular files of one workspace take on the disk.
        package var maxWorkspaceBytes: Int?
        /// Files of all kinds, and directories.
        package var maxWorkspaceInodes: Int?
        /// Of all workspaces together, like the next.
        package var maxDiskBytes: Int?
        package var maxDiskInodes: Int?
        /// Calls that watch files at a time.
        package var maxWatches: Int?
        /// Directories that they watch together.
        package var maxWatchedDirectories: Int?
    }
}
