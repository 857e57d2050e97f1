internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend
internal import Synchronization

/// Makes what the pool keeps. Safe to use from any thread.
final class EntryFactory: Sendable {
    private let tenancy: Tenancy
    private let configuration: BrokerConfiguration
    private let threads: FileThreads
    private let commands: any CommandStarter
    private let locks: WorkspaceLocks
    private let trash: TrashQueue
    private let log: OperationsLog
    private let wallClock: @Sendable () -> Int64
    /// The root directories of all entries that are kept open.
    private let directories: OpenDirectoryCache
    private let shares = Mutex<[Org.ID: OrgShare]>([:])

    /// What the entries of an org have in common.
    private struct OrgShare {
        /// The memory that they may use together.
        let budget: MemoryBudget
        let temporary: TemporaryFileDirectory
        let threads: FileThreads
    }

    init(
        tenancy: Tenancy,
        configuration: BrokerConfiguration,
        threads: FileThreads,
        commands: any CommandStarter,
        locks: WorkspaceLocks,
        trash: TrashQueue,
        log: OperationsLog,
        wallClock: @escaping @Sendable () -> Int64
    ) {
        self.tenancy = tenancy
        self.configuration = configuration
        self.threads = threads
        self.commands = commands
        self.locks = locks
        self.trash = trash
        self.log = log
        self.wallClock = wallClock
        directories = OpenDirectoryCache(capacity: configuration.limits.maxOpenDirectories)
    }

    func makeEntry(
        _ key: PoolKey,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        guard let org = tenancy.current.orgs.orgs.first(where: { $0.id == key.org }) else {
            throw BackendError(.notFound, message: "the org was removed from the broker's configuration")
        }
        switch (key.type, key.name) {
        case (.memory, let name):
            return entry(.memory(memory(org, configuration)), org, name, configuration)
        case (.localFilesystem, let name?):
            return try await makeEntry(of: name, org, configuration)
        case (.localFilesystem, nil):
            return try await makeKeylessEntry(org, configuration)
        case (.remoteFilesystem, _):
            throw BackendError(
                .invalidArgument,
                message: "a broker pools no remote-filesystem backends: ask for local-filesystem or memory"
            )
        }
    }

    /// The files stay when the entry ends.
    private func makeEntry(
        of key: String,
        _ org: Org,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        let (root, threads, locks, wallClock) = (tenancy.root, share(of: org).threads, locks, wallClock)
        let workspace = WorkspaceID(org: org.id, key: key)
        while true {
            try await locks.share(workspace)
            let path: String
            do throws(BackendError) {
                path = try await threads.run { () throws(BackendError) in
                    let path = try root.workspaceDirectory(of: org, key: key)
                    // Where that fails the workspace may look unused one day; while it is in use that does not count.
                    try? root.noteUse(of: org, key: key, at: wallClock())
                    return path
                }
            } catch {
                locks.ended(workspace)
                throw error
            }
            let made = entry(.local(backend(at: path, org, configuration)), org, key, configuration) { entry in
                _ = try? await threads.run { () throws(BackendError) in
                    try root.noteUse(of: org, key: key, at: wallClock())
                }
                locks.ended(entry, of: workspace)
            }
            if locks.name(made, of: workspace) { return made }
            // The workspace is about to be removed: the entry is to have the next one.
            locks.ended(workspace)
        }
    }

    /// The files end with the entry.
    private func makeKeylessEntry(
        _ org: Org,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        let (root, threads, trash) = (tenancy.root, share(of: org).threads, trash)
        let workspace = try await threads.run { () throws(BackendError) in try root.makeKeylessWorkspace(of: org) }
        return entry(.local(backend(at: workspace.path, org, configuration)), org, nil, configuration) { _ in
            // Where that fails, it is swept at the next start.
            try? await threads.run { () throws(BackendError) in try root.setAside(workspace, of: org) }
            trash.add(org.name)
        }
    }

    private func entry(
        _ backend: EntryBackend,
        _ org: Org,
        _ key: String?,
        _ configuration: EntryConfiguration,
        cleanUp: @escaping @Sendable (BackendEntry) async -> Void = { _ in }
    ) -> BackendEntry {
        BackendEntry(
            org: org,
            key: key ?? "",
            configuration: configuration,
            log: EntryLog(
                log,
                org: org.name,
                key: key ?? "",
                mode: configuration.logMode,
                environment: org.environment.merging(configuration.environment)
            ),
            backend: backend,
            cleanUp: cleanUp
        )
    }

    private func backend(at path: String, _ org: Org, _ configuration: EntryConfiguration) -> LocalFilesystemBackend {
        let share = share(of: org)
        return LocalFilesystemBackend(
            rootDirectory: path,
            temporary: share.temporary,
            identity: org.identity,
            environment: org.environment.merging(configuration.environment),
            limits: LocalFilesystemLimits(
                maximumFileBytes: maximumFileBytes(org, configuration),
                maximumReaddirEntries: self.configuration.limits.maxReaddirEntries
            ),
            threads: share.threads,
            directories: directories,
            commands: commands(configuration),
            safety: org.safety
        )
    }

    private func memory(_ org: Org, _ configuration: EntryConfiguration) -> MemoryBackend {
        MemoryBackend(
            budget: budget(org, configuration),
            maximumReaddirEntries: self.configuration.limits.maxReaddirEntries,
            maximumFileBytes: maximumFileBytes(org, configuration)
        )
    }

    private func maximumFileBytes(_ org: Org, _ configuration: EntryConfiguration) -> UInt64 {
        min(UInt64(org.limits.maxFileBytes), configuration.limits.maximumFileBytes ?? .max)
    }

    private func budget(_ org: Org, _ configuration: EntryConfiguration) -> MemoryBudget {
        let budget = share(of: org).budget
        guard let allowed = configuration.limits.maximumMemoryBytes else { return budget }
        return MemoryBudget(allowed: allowed, within: budget)
    }

    private func commands(_ configuration: EntryConfiguration) -> any CommandStarter {
        guard let asked = configuration.limits.maximumExecTimeout else { return commands }
        return TimeLimitedCommands(commands, maximumTimeout: min(asked, self.configuration.exec.maxTimeout))
    }

    /// An org may hold as much memory as it says from now on.
    func update(_ org: Org) {
        share(of: org).budget.allow(UInt64(org.limits.maxMemoryBytes))
    }

    private func share(of org: Org) -> OrgShare {
        shares.withLock { shares in
            if let share = shares[org.id] { return share }
            let share = OrgShare(
                budget: MemoryBudget(allowed: UInt64(org.limits.maxMemoryBytes)),
                temporary: TemporaryFileDirectory(path: tenancy.root.temporaryDirectory(of: org), in: directories),
                threads: threads.share()
            )
            shares[org.id] = share
            return share
        }
    }
}
