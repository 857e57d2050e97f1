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

    package init(name: String) {
        self.name = name
    }

    /// Limits of this org where they differ from those of all orgs. nil: as for all.
    package struct Limits: Sendable, Hashable {
        package var maxConnections: Int?
        /// Pooled entries.
        package var maxEntries: Int?
        /// Commands that run at one time.
        package var maxRunning: Int?
        /// Bytes in the memory backend.
        package var maxMemoryBytes: Int?
        /// Longest file that the file operations write.
        package var maxFileBytes: Int?
    }
}
