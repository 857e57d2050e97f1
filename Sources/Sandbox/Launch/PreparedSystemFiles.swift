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
        /// What was said of the host's files when the copies were made; nil: nothing was made yet.
        var fingerprint: [UInt64]?
        var lookedAt: ContinuousClock.Instant?
        /// Nil: they cannot be copied.
        var path: String?
        var generation = 0
    }

    /// Time within which a change of the host's files is followed.
    private static let interval = Duration.seconds(1)
    /// Of copies made anew: on a host whose files change all the time, each is mounted by itself.
    private static let maximumGenerations = 16
    /// Files, directories and links of one copy, and their bytes.
    private static let maximumFiles = 20_000
    private static let maximumBytes = 64 << 20

    private let directory: String
    private let paths: [String]
    /// What they are all in.
    private let base: String
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    /// - Parameters:
    ///   - directory: absolute, and the process's alone: copies of an earlier process are removed from it.
    ///   - paths: of entries of `base`.
    init(
        in directory: String,
        of paths: [String],
        base: String = "/etc",
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.directory = directory
        self.paths = paths
        self.base = base
        self.now = now
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
            let now = now()
            if let lookedAt = state.lookedAt, now - lookedAt < Self.interval, isThere(state.path) { return state.path }
            state.lookedAt = now
            let fingerprint = fingerprint()
            if state.fingerprint == fingerprint, isThere(state.path) { return state.path }
            state.fingerprint = fingerprint
            state.path = state.generation < Self.maximumGenerations ? makeCopy(&state) : nil
            return state.path
        }
    }

    private func isThere(_ path: String?) -> Bool {
        guard let path else { return true }
        return access(path, F_OK) == 0
    }

    private func fingerprint() -> [UInt64] {
        var fingerprint: [UInt64] = []
        guard let base = DirectoryEntries.open(base) else { return [] }
        for path in paths { DirectoryEntries.fingerprint(name(path), in: base.rawValue, into: &fingerprint) }
        return fingerprint
    }

    private func name(_ path: String) -> String { String(path.dropFirst(base.count + 1)) }

    /// A link to what the sandbox sees anyway is one there, too; any other one would lead to nothing.
    private func canBeCopied(_ path: String) -> Bool {
        guard let end = SymbolicLink.end(of: path) else { return true }
        return end == path || end.hasPrefix("/usr/")
    }

    private func makeCopy(_ state: inout State) -> String? {
        guard paths.allSatisfy(canBeCopied) else { return nil }
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST, let all = DirectoryEntries.open(directory) else {
            return nil
        }
        if state.generation == 0 {
            for name in DirectoryEntries.names(in: all.rawValue) where Int(name) != nil {
                _ = DirectoryEntries.remove(name, in: all.rawValue)
            }
        }
        state.generation += 1
        let generation = "\(state.generation)"
        guard mkdirat(all.rawValue, generation, 0o755) == 0,
            let copy = DirectoryEntries.open(generation, in: all.rawValue), fill(copy.rawValue)
        else {
            _ = DirectoryEntries.remove(generation, in: all.rawValue)
            return nil
        }
        return "\(directory)/\(generation)"
    }

    private func fill(_ directory: Int32) -> Bool {
        guard let base = DirectoryEntries.open(base) else { return false }
        var copy = DirectoryCopy(files: Self.maximumFiles, bytes: Self.maximumBytes)
        return paths.allSatisfy { copy.add(name($0), of: base.rawValue, as: name($0), in: directory) }
            && SystemFiles.paths.allSatisfy { path in
                symlinkat(SystemFiles.generated(path), directory, String(path.dropFirst("/etc/".count))) == 0
            }
    }
}
