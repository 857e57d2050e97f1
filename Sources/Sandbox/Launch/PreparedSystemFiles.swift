internal import AgentBackend
internal import Glibc
internal import Synchronization

/// A directory with copies of the host's files of /etc that commands see, which a sandbox gets by one mount: one for each
/// of those files would be a quarter of what its start takes.
///
/// The copies are made again when the host's files have changed, in a directory of their own: sandboxes that run keep
/// theirs. Safe to use from any thread; its calls block on files.
final class PreparedSystemFiles: Sendable {
    private struct State {
        /// What ``fingerprint()`` said as ``path`` was made; nil: nothing was made yet.
        var fingerprint: [UInt64]?
        /// Nil: they cannot be copied.
        var path: String?
        var generation = 0
    }

    /// Of copies made anew: a host whose files change all the time is not followed any further.
    private static let maximumGenerations = 100
    /// Files, directories and links of one copy, and their bytes.
    private static let maximumFiles = 20_000
    private static let maximumBytes = 64 << 20

    private let directory: String
    private let paths: [String]
    /// What they are all beneath.
    private let base: String
    private let state = Mutex(State())

    /// - Parameters:
    ///   - directory: absolute, and the process's alone: whatever is in it is removed.
    ///   - paths: beneath `base`, one level.
    init(in directory: String, of paths: [String], beneath base: String = "/etc") {
        self.directory = directory
        self.paths = paths
        self.base = base
    }

    /// Nil: none are wanted, or the host's own /etc has to be there, for some of it is to be seen as it is.
    convenience init?(_ configuration: CommandRunner.Configuration) {
        guard let directory = configuration.preparedFilesDirectory,
            !configuration.readOnlyPaths.contains(where: { $0 == "/etc" || $0.hasPrefix("/etc/") })
        else { return nil }
        self.init(in: directory, of: configuration.systemFiles)
    }

    /// Where they are now; nil where they cannot be copied: then each is to be mounted.
    var current: String? {
        state.withLock { state in
            let fingerprint = fingerprint()
            guard state.fingerprint != fingerprint, state.generation < Self.maximumGenerations else {
                return state.path
            }
            if state.generation == 0 { _ = DirectoryCopy.remove(directory) }
            state.fingerprint = fingerprint
            state.generation += 1
            let path = "\(directory)/\(state.generation)"
            state.path = copy(to: path) ? path : nil
            return state.path
        }
    }

    /// Changes with every file that is made, replaced or removed, wherever it lies beneath ``paths``.
    private func fingerprint() -> [UInt64] {
        var fingerprint: [UInt64] = []
        for path in paths { DirectoryCopy.fingerprint(path, into: &fingerprint) }
        return fingerprint
    }

    private func copy(to path: String) -> Bool {
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST, mkdir(path, 0o755) == 0 else { return false }
        var copy = DirectoryCopy(files: Self.maximumFiles, bytes: Self.maximumBytes)
        for source in paths {
            // A link to what the sandbox sees anyway is one there, too; of another one what it leads to is copied.
            let end = SymbolicLink.end(of: source) ?? source
            guard copy.add(end.hasPrefix("/usr/") ? source : end, to: path + source.dropFirst(base.count)) else {
                return false
            }
        }
        for file in SystemFiles.paths {
            guard symlink(SystemFiles.generated(file), path + file.dropFirst("/etc".count)) == 0 else { return false }
        }
        return true
    }
}
