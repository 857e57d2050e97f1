/// What of a tree to tell.
public struct TreeOptions: Sendable, Hashable {
    /// Most entries in one page, unless a backend has another limit.
    public static let maximumEntries = 10_000

    /// The directory, which is not told of itself.
    public var path: WorkspacePath
    /// Levels of directories: 1 for what is in ``path`` alone. 0: all.
    public var depth: Int
    /// Nothing whose path, from `path` on, matches one of these, and nothing in such directories.
    public var excludes: [GlobPattern]
    /// Names with a leading dot too.
    public var includesHidden: Bool
    /// Directories of version control too; see ``GrepOptions/includesVersionControl``.
    public var includesVersionControl: Bool
    /// With size, time, permissions and etag.
    public var withDetails: Bool
    /// Only what comes after this path; see ``FilePage/next``. Nil: from the start.
    public var after: WorkspacePath?
    /// At most this many. 0, and what is above it: as many as there may be.
    public var limit: Int

    public init(
        path: WorkspacePath = .root,
        depth: Int = 0,
        excludes: [GlobPattern] = [],
        includesHidden: Bool = false,
        includesVersionControl: Bool = false,
        withDetails: Bool = false,
        after: WorkspacePath? = nil,
        limit: Int = 0
    ) {
        self.path = path
        self.depth = depth
        self.excludes = excludes
        self.includesHidden = includesHidden
        self.includesVersionControl = includesVersionControl
        self.withDetails = withDetails
        self.after = after
        self.limit = limit
    }

    package func room(_ limits: FileCallLimits) -> FilePageRoom {
        FilePageRoom(limit: limit, maximum: limits.maximumTreeEntries, withDetails: withDetails, limits)
    }

    /// Whether a name is looked at, whatever its path is.
    package func looks(at name: UnsafeRawBufferPointer, isDirectory: Bool) -> Bool {
        if !includesHidden, name.first == UInt8(ascii: ".") { return false }
        return !isDirectory || includesVersionControl || !VersionControl.keepsDirectory(name)
    }

    /// Whether a path, given from ``path`` on, is left out with all that is in it.
    package func excludes(_ inner: WorkspacePath, isDirectory: Bool) -> Bool {
        excludes.contains { $0.matches(inner, isDirectory: isDirectory, includesHidden: true) }
    }

    /// Whether it tells of what is in a directory that is `level` levels below ``path``.
    package func tellsOfContents(at level: Int) -> Bool { depth == 0 || level < depth }

    /// Whether it tells of what only the path is known of, given from ``path`` on.
    func reaches(_ inner: WorkspacePath, isDirectory: Bool) -> Bool {
        var (path, isDirectory, level) = (inner, isDirectory, 0)
        while let (parent, name) = path.parentAndName {
            guard name.withUnsafeBytes({ looks(at: $0, isDirectory: isDirectory) }),
                !excludes(path, isDirectory: isDirectory)
            else { return false }
            (path, isDirectory, level) = (parent, true, level + 1)
        }
        return tellsOfContents(at: level - 1)
    }
}
