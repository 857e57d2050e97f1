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
    /// Of each org, those of the entries that were made last: the next one is mostly of the same.
    private let lastKinds = Mutex<[Org.ID: LastKinds]>([:])

    private struct LastKinds {
        var files: FilesKind?
        var memory: EntryKind?
    }

    private struct FilesKind {
        let kind: EntryKind
        /// Of the entries' backends.
        let settings: LocalFilesystemBackend.Settings
    }

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
            let kind = memoryKind(org, configuration)
            let backend = EntryBackend.memory(memory(org, edition.share, configuration))
            return BackendEntry(kind, key: name, backend: backend, cleanUp: kind.cleanUp)
        case (.localFilesystem, let name?):
            return try await makeEntry(of: name, edition.share, filesKind(org, edition, configuration))
        case (.localFilesystem, nil):
            return try await makeKeylessEntry(edition.share, filesKind(org, edition, configuration))
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
        _ share: OrgShare,
        _ files: FilesKind
    ) async throws(BackendError) -> BackendEntry {
        let (root, kind, org, wallClock) = (tenancy.root, files.kind, files.kind.org, wallClock)
        let workspace = WorkspaceID(org: org.id, key: key)
        while true {
            try await locks.share(workspace)
            let path: String
            do throws(BackendError) {
                path = try await share.threads.run { () throws(BackendError) in
                    let path = try root.workspaceDirectory(of: org, key: key)
                    // Where that fails the workspace may look unused one day; while it is in use that does not count.
                    try? root.noteUse(of: org, key: key, at: wallClock())
                    return path
                }
            } catch {
                locks.ended(workspace)
                throw error
            }
            let local = LocalFilesystemBackend(
                rootDirectory: path,
                usage: share.usage.workspace(key),
                settings: files.settings
            )
            let made = BackendEntry(kind, key: key, backend: .local(local), cleanUp: kind.cleanUp)
            if locks.name(made, of: workspace) { return made }
            // The workspace is about to be removed: the entry is to have the next one.
            locks.ended(workspace)
        }
    }

    /// The files end with the entry.
    private func makeKeylessEntry(_ share: OrgShare, _ files: FilesKind) async throws(BackendError) -> BackendEntry {
        let (root, org, threads, trash, background) = (tenancy.root, files.kind.org, share.threads, trash, background)
        let workspace = try await threads.run { () throws(BackendError) in try root.makeKeylessWorkspace(of: org) }
        let local = LocalFilesystemBackend(
            rootDirectory: workspace.path,
            usage: share.usage.makeWorkspace(),
            settings: files.settings
        )
        return BackendEntry(files.kind, key: nil, backend: .local(local)) { [uploads] entry in
            await uploads.endAll(of: ObjectIdentifier(entry))
            background.forget(entry.backgroundOwner, of: org.id)
            // Where that fails, it is swept at the next start.
            try? await threads.run { () throws(BackendError) in try root.setAside(workspace, of: org) }
            trash.add(org.name)
        }
    }

    private func memoryKind(_ org: Org, _ configuration: EntryConfiguration) -> EntryKind {
        if let last = lastKinds.withLock({ $0[org.id]?.memory }), last.isOf(org, nil, configuration) { return last }
        let kind = EntryKind(org, configuration, nil, log) { [uploads] entry in
            await uploads.endAll(of: ObjectIdentifier(entry))
        }
        lastKinds.withLock { $0[org.id, default: LastKinds()].memory = kind }
        return kind
    }

    private func filesKind(_ org: Org, _ edition: OrgEdition, _ configuration: EntryConfiguration) -> FilesKind {
        if let last = lastKinds.withLock({ $0[org.id]?.files }), last.kind.isOf(org, edition, configuration) {
            return last
        }
        let kind = EntryKind(org, configuration, edition, log, cleanUp: cleanUpOfKeyed(org, edition.share.threads))
        let files = FilesKind(kind: kind, settings: settings(of: kind, edition.share))
        lastKinds.withLock { $0[org.id, default: LastKinds()].files = files }
        return files
    }

    private func cleanUpOfKeyed(_ org: Org, _ threads: FileThreads) -> EntryKind.CleanUp {
        { [root = tenancy.root, uploads, locks, wallClock] entry in
            await uploads.endAll(of: ObjectIdentifier(entry))
            let key = entry.key
            _ = try? await threads.run { () throws(BackendError) in
                try root.noteUse(of: org, key: key, at: wallClock())
            }
            locks.ended(entry, of: WorkspaceID(org: org.id, key: key))
        }
    }

    private func settings(of kind: EntryKind, _ share: OrgShare) -> LocalFilesystemBackend.Settings {
        let (org, configuration) = (kind.org, kind.configuration)
        return LocalFilesystemBackend.Settings(
            temporary: share.temporary,
            identity: org.identity,
            environment: kind.environment,
            limits: LocalFilesystemLimits(
                maximumFileBytes: configuration.limits.maximumFileBytes ?? .max,
                maximumReaddirEntries: self.configuration.limits.maxReaddirEntries,
                archive: ArchiveLimits(self.configuration.limits),
                calls: self.configuration.files
            ),
            fileSizeLimit: share.fileSizeLimit,
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
        // Of an org that is gone nothing is kept, least of all the variables of its last caller.
        lastKinds.withLock { $0.removeAll() }
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
