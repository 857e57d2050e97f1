public import AgentBackend
internal import Glibc
public import NIOCore

/// Real files beneath one directory, and commands beside them.
///
/// Everything resolves beneath the directory's descriptor, in the kernel: no path, symbolic link or race leads out of
/// it. Safe to use from any thread.
public final class LocalFilesystemBackend: ConfinableBackend {
    public let type = BackendType.localFilesystem

    package let lifecycle: BackendLifecycle
    let root: RootDirectory
    let settings: Settings
    /// Of it and its scopes.
    let running: RunningCommands
    private let isScope: Bool
    /// What is to be done at the end of the backend.
    private let cleanUp: (@Sendable () -> Void)?

    package var identity: HostIdentity? { settings.identity }
    /// Where what is in the root counts. Nil: nobody counts it.
    var usage: WorkspaceUsage? { root.usage }

    /// What a backend is made with and shares with its scopes, and with others that are made alike. Safe to use from any
    /// thread.
    package final class Settings: Sendable {
        let temporary: TemporaryFileDirectory
        let ownsTemporaryDirectory: Bool
        let identity: HostIdentity?
        let environment: Environment
        let limits: LocalFilesystemLimits
        let fileSizeLimit: ByteLimit?
        let threads: FileThreads
        let directories: OpenDirectoryCache
        let watches: FileWatches
        let watchShare: WatchShare
        let commands: (any CommandStarter)?
        let safety: CommandSafety

        /// - Parameters:
        ///   - temporary: Outside the root, on the same file system: where files are written before they take their
        ///     place.
        ///   - ownsTemporaryDirectory: It is closed with the backend, which is the only one that uses it.
        ///   - identity: Whose file permissions hold. Nil: the process's own.
        ///   - fileSizeLimit: Of what is written, whatever `limits` says. It may change.
        ///   - directories: Keeps the root open between operations.
        ///   - watches: Watches directories, of others as well.
        ///   - watchShare: What may be watched.
        ///   - commands: Runs commands. Nil: ``LocalFilesystemBackend/start(_:)`` throws `NOT_IMPLEMENTED`.
        ///   - safety: What commands it refuses to run.
        package init(
            temporary: TemporaryFileDirectory,
            ownsTemporaryDirectory: Bool = false,
            identity: HostIdentity? = nil,
            environment: Environment = Environment(),
            limits: LocalFilesystemLimits = LocalFilesystemLimits(),
            fileSizeLimit: ByteLimit? = nil,
            threads: FileThreads,
            directories: OpenDirectoryCache,
            watches: FileWatches = FileWatches(),
            watchShare: WatchShare = WatchShare(),
            commands: (any CommandStarter)? = nil,
            safety: CommandSafety = CommandSafety()
        ) {
            self.temporary = temporary
            self.ownsTemporaryDirectory = ownsTemporaryDirectory
            self.identity = identity
            self.environment = environment
            self.limits = limits
            self.fileSizeLimit = fileSizeLimit
            self.threads = threads
            self.directories = directories
            self.watches = watches
            self.watchShare = watchShare
            self.commands = commands
            self.safety = safety
        }
    }

    /// - Parameters:
    ///   - rootDirectory: An existing directory of the host; `/workspace` to the callers.
    ///   - usage: An account of what the workspace holds, which all backends of its files share.
    ///   - cleanUp: What is to be done at the end of the backend.
    package init(
        rootDirectory: String,
        usage: WorkspaceUsage? = nil,
        settings: Settings,
        cleanUp: (@Sendable () -> Void)? = nil
    ) {
        root = RootDirectory(.host(path: rootDirectory), in: settings.directories, usage: usage)
        isScope = false
        lifecycle = BackendLifecycle()
        running = RunningCommands(usage: usage)
        self.cleanUp = cleanUp
        self.settings = settings
    }

    /// What the files of its workspace take on the disk, as far as it is counted.
    package var heldBytes: UInt64 { usage?.usage.allocatedBytes ?? 0 }

    private init(scope path: WorkspacePath, of parent: LocalFilesystemBackend) {
        root = parent.root.scope(path)
        isScope = true
        lifecycle = parent.lifecycle
        running = parent.running
        cleanUp = nil
        settings = parent.settings
    }

    public var status: BackendStatus { lifecycle.status }

    public func statusChanges() -> AsyncStream<BackendStatusChange> { lifecycle.statusChanges() }

    public func trackCloseable(_ closeable: any BackendCloseable) async {
        await lifecycle.track(closeable)
    }

    public func scope(
        _ path: WorkspacePath,
        configuration: ScopeConfiguration
    ) throws(BackendError) -> any Backend {
        try makeScope(path, configuration)
    }

    public func listActiveScopes() -> [WorkspacePath] { lifecycle.activeScopes() }

    package func confined(to path: WorkspacePath) -> any ConfinableBackend { scoped(path) }

    package func scoped(_ path: WorkspacePath) -> LocalFilesystemBackend {
        LocalFilesystemBackend(scope: path, of: self)
    }

    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        let beginning = try await perform(.readFailed, path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.beginReading(path, range: range)
        }
        return LocalFileReader(beginning, range: range, path: path, threads: settings.threads)
    }

    public func readLines(_ path: WorkspacePath, window: LineWindow) async throws(BackendError) -> LinePage {
        try await readLinesByReading(
            path,
            window: window,
            maximumBytes: settings.limits.calls.maximumWindowBytes
        )
    }

    public func checksum(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> FileChecksum {
        try await checksumByReading(path, range: range)
    }

    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        let file = try await change(path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.makeTemporaryFile(keeping: UsageAmount(inodes: 1)) { files.replaced(at: path, options) }
        }
        return LocalFileWriter(backend: self, file: file, path: path, options: options)
    }

    /// In one go on one thread.
    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        let isShort = bytes.readableBytes <= Self.shortWriteLength && options.durability == .none
        return try await change(path, isShort: isShort) { files throws(DirectoryAccess.Failure) in
            try files.write(bytes, to: path, options: options)
        }
    }

    @discardableResult
    public func edit(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions
    ) async throws(BackendError) -> EditResult {
        try await editByRewriting(path, edits, options: options, settings.limits.calls)
    }

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try await perform(.lsFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.readdir(path, options: options)
        }
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try await perform(.readFailed, path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.access.stat(path, followLink: followLink)
        }
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try await change(path, grows: false) { files throws(DirectoryAccess.Failure) in
            try files.rm(path, options: options)
        }
    }

    public func mkdir(_ path: WorkspacePath, options: MkdirOptions) async throws(BackendError) {
        try await change(path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.mkdir(path, options: options)
        }
    }

    @discardableResult
    public func touch(_ path: WorkspacePath) async throws(BackendError) -> FileInfo {
        try await change(path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.touch(path)
        }
    }

    @discardableResult
    public func chmod(_ path: WorkspacePath, permissions: UInt32) async throws(BackendError) -> FileInfo {
        try BackendError.checkPermissions(permissions)
        return try await perform(.writeFailed, path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.chmod(path, permissions: permissions)
        }
    }

    public func symlink(_ path: WorkspacePath, to target: LinkTarget) async throws(BackendError) {
        try await change(path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.symlink(path, to: target)
        }
    }

    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) async throws(BackendError) {
        try await change(path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.rename(path, to: destination, options: options)
        }
    }

    @discardableResult
    public func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) async throws(BackendError) -> CopyResult {
        try await change(path) { files throws(DirectoryAccess.Failure) in
            try files.copy(path, to: destination, options: options)
        }
    }

    /// Ends its watches and its commands, those of its scopes among them, with their whole trees, waits until they are gone,
    /// and closes its directory. Its scopes refuse everything too. Of a scope: what it is a scope of goes on, and so do its commands.
    public func destroy() async {
        guard !isScope else {
            root.destroy()
            return settings.watchShare.endOrphans()
        }
        await lifecycle.destroy {
            root.destroy()
            settings.watchShare.endOrphans()
            await running.end()
            if settings.ownsTemporaryDirectory { settings.temporary.root.destroy() }
            if let cleanUp { await settings.threads.runAlways(cleanUp) }
        }
    }

    /// Bytes that are written in no time worth speaking of.
    private static let shortWriteLength = 64 << 10

    /// Runs `body` on a file thread, as the org's user; see ``FileThreads`` for `isShort`. Runs it again where the root
    /// turns out to have been removed: a scope's is made anew.
    func perform<Value: Sendable>(
        _ code: BackendError.Code,
        _ path: WorkspacePath,
        isShort: Bool = false,
        _ body: @escaping @Sendable (LocalFiles) throws(DirectoryAccess.Failure) -> Value
    ) async throws(BackendError) -> Value {
        let (root, settings) = (root, settings)
        let user = identity?.uid ?? geteuid()
        return try await settings.threads.run(as: identity, isShort: isShort) { cancellation in
            do throws(DirectoryAccess.Failure) {
                let directory = try root.descriptor()
                do throws(DirectoryAccess.Failure) {
                    return .success(try body(settings.files(beneath: directory, root.usage, of: user, cancellation)))
                } catch .errno(ENOENT) where root.forget(removed: directory) {
                    let directory = try root.descriptor()
                    return .success(try body(settings.files(beneath: directory, root.usage, of: user, cancellation)))
                }
            } catch {
                return .failure(error.error(code, path))
            }
        }
    }
}

extension LocalFilesystemBackend.Settings {
    func files(
        beneath root: FileDescriptorHandle,
        _ usage: WorkspaceUsage?,
        of user: uid_t,
        _ cancellation: FileCancellation
    ) -> LocalFiles {
        var limits = limits
        if let fileSizeLimit { limits.maximumFileBytes = min(limits.maximumFileBytes, fileSizeLimit.bytes) }
        return LocalFiles(
            access: DirectoryAccess(root: root, usage: usage),
            temporary: temporary,
            limits: limits,
            user: user,
            cancellation: cancellation
        )
    }
}
