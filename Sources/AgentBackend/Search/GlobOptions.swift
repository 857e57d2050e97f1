/// Where to look for what matches a pattern, and what to tell of it.
public struct GlobOptions: Sendable, Hashable {
    /// Most matches in one page, unless a backend has another limit.
    public static let maximumMatches = 10_000

    /// The directory that is searched.
    public var path: WorkspacePath
    /// Directories, symbolic links and whatever else has a name. False: regular files alone; and directories, where the
    /// pattern ends in a slash.
    public var includesAllKinds: Bool
    /// `*`, `?`, sets and `**` match a leading dot as well.
    public var includesHidden: Bool
    /// With size, time, permissions and etag.
    public var withDetails: Bool
    /// Only what comes after this path; see ``FilePage/next``. Nil: from the start.
    public var after: WorkspacePath?
    /// At most this many. 0, and what is above it: as many as there may be.
    public var limit: Int

    public init(
        path: WorkspacePath = .root,
        includesAllKinds: Bool = false,
        includesHidden: Bool = false,
        withDetails: Bool = false,
        after: WorkspacePath? = nil,
        limit: Int = 0
    ) {
        self.path = path
        self.includesAllKinds = includesAllKinds
        self.includesHidden = includesHidden
        self.withDetails = withDetails
        self.after = after
        self.limit = limit
    }

    package func room(_ limits: FileCallLimits) -> FilePageRoom {
        FilePageRoom(limit: limit, maximum: limits.maximumGlobMatches, withDetails: withDetails, limits)
    }
}

extension GlobPattern {
    /// Whether something of this kind is told of where its name is matched.
    package func includes(
        _ name: UnsafeRawBufferPointer,
        _ kind: FileInfo.Kind?,
        at state: GlobState,
        _ options: GlobOptions
    ) -> Bool {
        guard options.includesAllKinds || kind == .regular || kind == .directory else { return false }
        return matches(
            name,
            at: state,
            isDirectory: kind == .directory,
            includesHidden: options.includesHidden,
            filesOnly: !options.includesAllKinds
        )
    }

    /// The same of a path, given from the directory that is searched.
    func includes(_ path: WorkspacePath, _ kind: FileInfo.Kind?, _ options: GlobOptions) -> Bool {
        walk(path, includesHidden: options.includesHidden) { name, state in includes(name, kind, at: state, options) }
    }
}
