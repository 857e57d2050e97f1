/// What of a directory to watch.
public struct WatchOptions: Sendable, Hashable {
    /// The directory. It is told of itself only when it goes.
    public var path: WorkspacePath
    /// Also what is in the directories in it, those that are made later among them.
    public var isRecursive: Bool
    /// Only changes of what has a path, from ``path`` on, that matches one of these. Empty: of all. Names with a leading
    /// dot are matched like others.
    public var includes: [GlobPattern]
    /// No changes of what matches one of these, nor of what is in such directories, which are not watched.
    public var excludes: [GlobPattern]

    public init(
        path: WorkspacePath = .root,
        isRecursive: Bool = true,
        includes: [GlobPattern] = [],
        excludes: [GlobPattern] = []
    ) {
        self.path = path
        self.isRecursive = isRecursive
        self.includes = includes
        self.excludes = excludes
    }

    /// Whether changes of a path are told of, given from ``path`` on. Its directories were asked about before.
    package func tells(of inner: WorkspacePath, isDirectory: Bool) -> Bool {
        guard !excludes(inner, isDirectory: isDirectory) else { return false }
        return includes.isEmpty
            || includes.contains { $0.matches(inner, isDirectory: isDirectory, includesHidden: true) }
    }

    /// Whether what is in a directory is of no interest, given from ``path`` on.
    package func excludes(_ inner: WorkspacePath, isDirectory: Bool) -> Bool {
        excludes.contains { $0.matches(inner, isDirectory: isDirectory, includesHidden: true) }
    }

    /// The same of what only the path is known of.
    func reaches(_ inner: WorkspacePath) -> Bool {
        guard var (directory, _) = inner.parentAndName, tells(of: inner, isDirectory: false) else { return false }
        guard isRecursive || directory.isRoot else { return false }
        while let (above, _) = directory.parentAndName {
            guard !excludes(directory, isDirectory: true) else { return false }
            directory = above
        }
        return true
    }
}
