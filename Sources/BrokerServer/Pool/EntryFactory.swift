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
    private let log: OperationsLog
    /// The root directories of all entries that are kept open.
    private let directories: OpenDirectoryCache
    private let shares = Mutex<[Org.ID: OrgShare]>([:])

    /// What the entries of an org have in common.
    private struct OrgShare {
        /// The memory that they may use together.
        let budget: MemoryBudget
        let temporary: TemporaryFileDirectory
    }

    init(
        tenancy: Tenancy,
        configuration: BrokerConfiguration,
        threads: FileThreads,
        commands: any CommandStarter,
        log: OperationsLog
    ) {
        self.tenancy = tenancy
        self.configuration = configuration
        self.threads = threads
        self.commands = commands
        self.log = log
        directories = OpenDirectoryCache(capacity: configuration.limits.maxOpenDirectories)
    }

    func makeEntry(
        _ key: PoolKey,
        _ entryConfiguration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        guard let org = tenancy.current.orgs.orgs.first(where: { $0.id == key.org }) else {
            throw BackendError(.notFound, message: "the org was removed from the broker's configuration")
        }
        let entryLog = EntryLog(log, org: org.name, key: key.name ?? "", mode: entryConfiguration.logMode)
        let (backend, cleanUp) = try await makeBackend(key, org, entryConfiguration)
        return BackendEntry(
            org: org,
            key: key.name ?? "",
            configuration: entryConfiguration,
            log: entryLog,
            backend: backend,
            cleanUp: cleanUp
        )
    }

    private func makeBackend(
        _ key: PoolKey,
        _ org: Org,
        _ entryConfiguration: EntryConfiguration
    ) async throws(BackendError) -> (EntryBackend, @Sendable () async -> Void) {
        switch key.type {
        case .memory:
            return (.memory(MemoryBackend(budget: share(of: org).budget)), {})
        case .localFilesystem:
            let (tenancy, threads) = (tenancy, threads)
            let name = key.name
            let workspace = try await threads.run { () throws(BackendError) -> Workspace in
                guard let name else { return .keyless(try tenancy.root.makeKeylessWorkspace(of: org)) }
                return .keyed(path: try tenancy.root.workspaceDirectory(of: org, key: name))
            }
            let backend = LocalFilesystemBackend(
                rootDirectory: workspace.path,
                temporary: share(of: org).temporary,
                identity: org.identity,
                environment: org.environment.merging(entryConfiguration.environment),
                limits: LocalFilesystemLimits(
                    maximumFileBytes: min(
                        UInt64(org.limits.maxFileBytes),
                        entryConfiguration.limits.maximumFileBytes ?? .max
                    ),
                    maximumReaddirEntries: configuration.limits.maxReaddirEntries
                ),
                threads: threads,
                directories: directories,
                commands: commands
            )
            guard case .keyless(let directory) = workspace else { return (.local(backend), {}) }
            return (
                .local(backend),
                {
                    // What is left behind is swept at the next start.
                    _ = try? await threads.run { () throws(BackendError) in
                        try tenancy.root.discard(directory, of: org)
                    }
                }
            )
        case .remoteFilesystem:
            throw BackendError(
                .invalidArgument,
                message: "a broker pools no remote-filesystem backends: ask for local-filesystem or memory"
            )
        }
    }

    private enum Workspace: Sendable {
        case keyed(path: String)
        case keyless(KeylessWorkspace)

        var path: String {
            switch self {
            case .keyed(let path): path
            case .keyless(let workspace): workspace.path
            }
        }
    }

    private func share(of org: Org) -> OrgShare {
        shares.withLock { shares in
            if let share = shares[org.id] { return share }
            let share = OrgShare(
                budget: MemoryBudget(allowed: UInt64(org.limits.maxMemoryBytes)),
                temporary: TemporaryFileDirectory(path: tenancy.root.temporaryDirectory(of: org), in: directories)
            )
            shares[org.id] = share
            return share
        }
    }
}
