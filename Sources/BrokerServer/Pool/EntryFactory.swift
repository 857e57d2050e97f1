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
    private let background: BackgroundExecs
    private let usages: OrgUsages
    private let uploads: Uploads
    private let log: OperationsLog
    private let wallClock: @Sendable () -> Int64
    /// The root directories of all entries that are kept open.
    private let directories: OpenDirectoryCache
    private let watches = FileWatches()
    private let watchedDirectories: WatchTotal
    private let shares = Mutex<[Org.ID: OrgShare]>([:])

    init(
        tenancy: Tenancy,
        configuration: BrokerConfiguration,
        threads: FileThreads,
        commands: any CommandStarter,
        locks: WorkspaceLocks,
        trash: TrashQueue,
        background: BackgroundExecs,
        usages: OrgUsages,
        uploads: Uploads,
        log: OperationsLog,
        wallClock: @escaping @Sendable () -> Int64
    ) {
        self.tenancy = tenancy
        self.configuration = configuration
        self.threads = threads
        self.commands = commands
        self.locks = locks
        self.trash = trash
        self.background = background
        self.usages = usages
        self.uploads = uploads
        self.log = log
        self.wallClock = wallClock
        watchedDirectories = WatchTotal(allowed: FileWatches.most(configuration.watch.maxDirectories))
        directories = OpenDirectoryCache(capacity: configuration.limits.maxOpenDirectories)
    }

    func makeEntry(
        _ key: PoolKey,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        // Asked for before the org: where that changes meanwhile, the entry counts as one of before.
        let edition = share(of: key.org)?.currentEdition
        guard let org = org(key.org), let edition else {
            throw BackendError(.notFound, message: "the org was removed from the broker's configuration")
        }
        switch (key.type, key.name) {
        case (.memory, let name):
            return entry(.memory(memory(org, edition.share, configuration)), org, name, configuration)
        case (.localFilesystem, let name?):
            return try await makeEntry(of: name, org, edition, configuration)
        case (.localFilesystem, nil):
            return try await makeKeylessEntry(org, edition, configuration)
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
        _ edition: OrgEdition,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        let (root, threads, locks, wallClock) = (tenancy.root, edition.share.threads, locks, wallClock)
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
            let local = backend(at: path, edition.share.usage.workspace(key), org, edition.share, configuration)
            let made = entry(.local(local), org, key, configuration, edition) { entry in
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
        _ edition: OrgEdition,
        _ configuration: EntryConfiguration
    ) async throws(BackendError) -> BackendEntry {
        let (root, threads, trash, background) = (tenancy.root, edition.share.threads, trash, background)
        let workspace = try await threads.run { () throws(BackendError) in try root.makeKeylessWorkspace(of: org) }
        let local = backend(at: workspace.path, edition.share.usage.makeWorkspace(), org, edition.share, configuration)
        return entry(.local(local), org, nil, configuration, edition) { entry in
            background.forget(entry.backgroundOwner, of: org.id)
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
        _ edition: OrgEdition? = nil,
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
            edition: edition
        ) { [uploads] entry in
            await uploads.endAll(of: ObjectIdentifier(entry))
            await cleanUp(entry)
        }
    }

    private func backend(
        at path: String,
        _ usage: WorkspaceUsage,
        _ org: Org,
        _ share: OrgShare,
        _ configuration: EntryConfiguration
    ) -> LocalFilesystemBackend {
        LocalFilesystemBackend(
            rootDirectory: path,
            temporary: share.temporary,
            identity: org.identity,
            environment: org.environment.merging(configuration.environment),
            limits: LocalFilesystemLimits(
                maximumFileBytes: configuration.limits.maximumFileBytes ?? .max,
                maximumReaddirEntries: self.configuration.limits.maxReaddirEntries,
                archive: ArchiveLimits(self.configuration.limits),
                calls: self.configuration.files
            ),
            fileSizeLimit: share.fileSizeLimit,
            usage: usage,
            threads: share.threads,
            directories: directories,
            watches: watches,
            watchShare: share.watchShare,
            commands: commands(share, configuration),
            safety: org.safety
        )
    }

    private func memory(_ org: Org, _ share: OrgShare, _ configuration: EntryConfiguration) -> MemoryBackend {
        MemoryBackend(
            budget: configuration.limits.maximumMemoryBytes.map { MemoryBudget(allowed: $0, within: share.budget) }
                ?? share.budget,
            maximumReaddirEntries: self.configuration.limits.maxReaddirEntries,
            maximumFileBytes: configuration.limits.maximumFileBytes ?? .max,
            fileSizeLimit: share.fileSizeLimit,
            archiveLimits: ArchiveLimits(self.configuration.limits),
            callLimits: self.configuration.files,
            watchShare: share.watchShare
        )
    }

    private func commands(_ share: OrgShare, _ configuration: EntryConfiguration) -> any CommandStarter {
        let commands = commands.limited(to: share.tenant, configuration.limits.exec)
        guard let asked = configuration.limits.maximumExecTimeout else { return commands }
        return TimeLimitedCommands(commands, maximumTimeout: asked)
    }

    private func org(_ id: Org.ID) -> Org? { tenancy.current.orgs.orgs.first { $0.id == id } }

    /// Nil: there is no such org now.
    private func share(of id: Org.ID) -> OrgShare? {
        shares.withLock { shares in
            if let share = shares[id] { return share }
            // Asked for under the lock: a reload that comes next finds the share and changes it.
            guard let org = org(id) else { return nil }
            let temporary = TemporaryFileDirectory(path: tenancy.root.temporaryDirectory(of: org), in: directories)
            let share = OrgShare(org, temporary, threads.share(), usages.usage(of: org), watchedDirectories)
            shares[id] = share
            return share
        }
    }

    /// Nil: the org has had no entry yet.
    func knownShare(of id: Org.ID) -> OrgShare? { shares.withLock { $0[id] } }

    /// To be called once the orgs have changed. Limits count at once, for entries that live as well; what an entry was
    /// made with counts until it is acquired anew, and those of memory keep it: what is in them would be lost.
    func orgsChanged(_ change: ConfigurationChange) {
        watchedDirectories.allow(FileWatches.most(change.new.watch.maxDirectories))
        shares.withLock { shares in
            for org in change.newOrgs.orgs { shares[org.id]?.update(org) }
            for (old, new) in change.keptOrgs where !new.makesSameEntries(as: old) { shares[new.id]?.beginEdition() }
        }
    }

    /// The broker shuts down: nobody is told of changes any more.
    func endWatches() {
        let shares = shares.withLock { Array($0.values) }
        for share in shares { share.watchShare.endAll(Self.noMoreChanges) }
    }

    private static let noMoreChanges = BackendError(
        .shuttingDown,
        message: "the broker shuts down: watch again on the next one, and list what is there"
    )
}

extension ArchiveLimits {
    fileprivate init(_ limits: BrokerConfiguration.Limits) {
        self.init(
            maximumBytes: UInt64(limits.maxArchiveBytes),
            maximumContentBytes: UInt64(limits.maxArchiveContentBytes),
            maximumEntries: UInt64(limits.maxArchiveEntries),
            maximumRatio: UInt64(limits.maxArchiveRatio)
        )
    }
}
