public import AgentBackend
internal import Glibc
public import NIOCore

/// Real files beneath one directory, and commands beside them.
///
/// Everything resolves beneath the directory's descriptor, in the kernel: no path, symbolic link or race leads out of
/// it. Safe to use from any thread.
public final class LocalFilesystemBackend: Backend {
    public let type = BackendType.localFilesystem

    package let identity: HostIdentity?
    let root: RootDirectory
    let settings: Settings

    /// What a backend and its scopes share.
    struct Settings: Sendable {
        let temporary: RootDirectory
        let limits: LocalFilesystemLimits
        let threads: FileThreads
        let commands: (any CommandStarter)?
        let environment: Environment
    }

    /// - Parameters:
    ///   - rootDirectory: An existing directory of the host; `/workspace` to the callers.
    ///   - temporaryDirectory: An existing directory on the same file system, outside the root, where files are
    ///     written before they take their place.
    ///   - identity: Whose file permissions hold. Nil: the process's own.
    ///   - commands: Runs commands. Nil: ``start(_:)`` throws `NOT_IMPLEMENTED`.
    package init(
        rootDirectory: String,
        temporaryDirectory: String,
        identity: HostIdentity? = nil,
        environment: Environment = Environment(),
        limits: LocalFilesystemLimits = LocalFilesystemLimits(),
        threads: FileThreads,
        commands: (any CommandStarter)? = nil
    ) {
        root = RootDirectory(.host(path: rootDirectory))
        self.identity = identity
        settings = Settings(
            temporary: RootDirectory(.host(path: temporaryDirectory)),
            limits: limits,
            threads: threads,
            commands: commands,
            environment: environment
        )
    }

    private init(scope path: WorkspacePath, of parent: LocalFilesystemBackend) {
        root = RootDirectory(.scope(of: parent.root, path: path))
        identity = parent.identity
        settings = parent.settings
    }

    public func scope(_ path: WorkspacePath) throws(BackendError) -> any Backend { scoped(path) }

    package func scoped(_ path: WorkspacePath) -> LocalFilesystemBackend {
        LocalFilesystemBackend(scope: path, of: self)
    }

    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        let (descriptor, info) = try await perform(.readFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.openForReading(path)
        }
        return LocalFileReader(descriptor: descriptor, info: info, range: range, path: path, threads: settings.threads)
    }

    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        let file = try await perform(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.makeTemporaryFile()
        }
        return LocalFileWriter(backend: self, file: file, path: path, options: options)
    }

    /// In one go on one thread.
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        try await perform(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            let file = try files.makeTemporaryFile()
            do throws(DirectoryAccess.Failure) {
                try files.write(bytes, to: file.descriptor, at: 0)
                return try files.commit(file, to: path, options: options)
            } catch {
                file.remove()
                throw error
            }
        }
    }

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try await perform(.lsFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.readdir(path, options: options)
        }
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try await perform(.readFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.stat(path, followLink: followLink)
        }
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try await perform(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.rm(path, options: options)
        }
    }

    /// Closes its directory; commands that run are ended by who started them.
    public func destroy() async {
        root.destroy()
        settings.temporary.destroy()
    }

    /// Runs `body` on a file thread, as the org's user.
    func perform<Value: Sendable>(
        _ code: BackendError.Code,
        _ path: WorkspacePath,
        _ body: @escaping @Sendable (LocalFiles) throws(DirectoryAccess.Failure) -> Value
    ) async throws(BackendError) -> Value {
        let (root, settings) = (root, settings)
        return try await settings.threads.run(as: identity) {
            do throws(DirectoryAccess.Failure) {
                let files = LocalFiles(
                    access: DirectoryAccess(root: try root.descriptor(limits: settings.limits)),
                    temporary: try settings.temporary.descriptor(limits: settings.limits),
                    limits: settings.limits
                )
                return .success(try body(files))
            } catch {
                return .failure(error.error(code, path))
            }
        }
    }
}
