public import AgentBackend
internal import Glibc

extension LocalFilesystemBackend {
    /// What a backend is made with.
    public struct Configuration: Sendable {
        /// A directory of the host: absolute. It is made where it is missing. `/workspace` to commands and in paths.
        public var rootDirectory: String
        /// Where files are written before they take their place: absolute, on the same file system, outside of the
        /// root. Nil: a hidden directory beside the root, of this backend's own, which goes with it.
        public var temporaryDirectory: String?
        /// Of every command, under that of the scope and of the call.
        public var environment = Environment()
        public var limits = LocalFilesystemLimits()
        /// What commands are refused as most likely a mistake; a courtesy, not a boundary.
        public var safety = CommandSafety()

        public init(rootDirectory: String) {
            self.rootDirectory = rootDirectory
        }
    }

    /// A backend on files of this process's host, with commands by the runtime, which has to outlive it.
    ///
    /// Throws `INVALID_CONFIGURATION` for directories that are not absolute or cannot be made.
    public convenience init(
        _ configuration: Configuration,
        runtime: LocalRuntime
    ) throws(BackendError) {
        let identity = runtime.identity
        let root = try Self.directory(configuration.rootDirectory, owner: identity, mode: 0o755)
        let temporary: TemporaryDirectory
        if let given = configuration.temporaryDirectory {
            temporary = TemporaryDirectory(path: try Self.directory(given, owner: identity, mode: 0o700), isOwn: false)
        } else {
            temporary = try .beside(root, owner: identity)
        }
        self.init(
            rootDirectory: root,
            settings: Settings(
                temporary: TemporaryFileDirectory(path: temporary.path, in: runtime.directories),
                ownsTemporaryDirectory: true,
                identity: identity,
                environment: configuration.environment,
                limits: configuration.limits,
                threads: runtime.threads,
                directories: runtime.directories,
                watches: runtime.watches,
                watchShare: runtime.watchShare,
                commands: runtime.commands.commands.limited(to: runtime.tenant, ExecLimits()),
                safety: configuration.safety
            ),
            cleanUp: { temporary.remove() }
        )
    }

    /// Makes a directory, the last one, where it is missing.
    fileprivate static func directory(
        _ path: String,
        owner: HostIdentity?,
        mode: mode_t
    ) throws(BackendError) -> String {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard path.hasPrefix("/"), path.count > 1, !path.utf8.contains(0) else {
            throw BackendError(.invalidConfiguration, message: "\"\(path)\" is no absolute path: give one, beneath /")
        }
        if Glibc.mkdir(path, mode) == 0 {
            if let owner, lchown(path, owner.uid, owner.gid) != 0 { throw failure(path) }
        } else if errno != EEXIST {
            throw failure(path)
        }
        return path
    }

    private static func failure(_ path: String) -> BackendError {
        BackendError(
            .invalidConfiguration,
            systemErrno: errno,
            message: "cannot make the directory \(path): \(String(cString: strerror(errno))); make it, or name another"
        )
    }
}

/// Where a backend without a broker keeps its temporary files.
private struct TemporaryDirectory: Sendable {
    let path: String
    let isOwn: Bool

    /// A new one beside `root`. Removes those of processes that have ended, which could not.
    static func beside(_ root: String, owner: HostIdentity?) throws(BackendError) -> TemporaryDirectory {
        let slash = root.lastIndex(of: "/") ?? root.startIndex
        let prefix = ".\(root[root.index(after: slash)...]).agent-backend-"
        let parent = slash == root.startIndex ? "/" : String(root[..<slash])
        for name in names(in: parent) where name.hasPrefix(prefix) {
            let process = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let process = pid_t(process), kill(process, 0) != 0, errno == ESRCH else { continue }
            TemporaryDirectory(path: "\(parent)/\(name)", isOwn: true).remove()
        }
        let path = "\(parent)/\(prefix)\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        return TemporaryDirectory(
            path: try LocalFilesystemBackend.directory(path, owner: owner, mode: 0o700),
            isOwn: true
        )
    }

    /// With the temporary files in it, which are all that it has.
    func remove() {
        guard isOwn else { return }
        for name in Self.names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = Glibc.readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
