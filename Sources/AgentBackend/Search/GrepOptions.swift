/// Where to search for lines, and how many of them to tell.
public struct GrepOptions: Sendable, Hashable {
    /// Most lines in one page, unless a backend has another limit, like the next two; of a file that has more of them the
    /// first ones are told.
    public static let maximumMatches = 10_000
    /// Lines in one page where nothing else is said.
    public static let usualMatches = 1_000
    /// Most lines before a match, and after it.
    public static let maximumContext = 20

    /// A directory that is searched with all that is in it, or a file.
    public var path: WorkspacePath
    /// Only files whose paths, from `path` on, match one of these. Empty: all.
    public var includes: [GlobPattern]
    /// No files, and no directories, whose paths match one of these.
    public var excludes: [GlobPattern]
    /// Lines before each match that are told with it, and after it; no more than there may be.
    public var contextBefore: Int
    public var contextAfter: Int
    /// Names with a leading dot too.
    public var includesHidden: Bool
    /// Directories of version control too: `.git`, `.hg`, `.svn`, `.bzr`, `_darcs`, `CVS`. Those with a leading dot only
    /// where ``includesHidden`` says so as well.
    public var includesVersionControl: Bool
    /// At most so many lines of one file. 0: no other limit than that of the page.
    public var maximumPerFile: Int
    /// Lines in one page: a file that has no room in it begins the next one, and one that alone has more is cut. 0:
    /// ``usualMatches``; what is above it: as many as there may be.
    public var limit: Int
    /// Only files that come after this path; see ``GrepPage/next``. Nil: from the start.
    public var after: WorkspacePath?

    public init(
        path: WorkspacePath = .root,
        includes: [GlobPattern] = [],
        excludes: [GlobPattern] = [],
        contextBefore: Int = 0,
        contextAfter: Int = 0,
        includesHidden: Bool = false,
        includesVersionControl: Bool = false,
        maximumPerFile: Int = 0,
        limit: Int = 0,
        after: WorkspacePath? = nil
    ) {
        self.path = path
        self.includes = includes
        self.excludes = excludes
        self.contextBefore = contextBefore
        self.contextAfter = contextAfter
        self.includesHidden = includesHidden
        self.includesVersionControl = includesVersionControl
        self.maximumPerFile = maximumPerFile
        self.limit = limit
        self.after = after
    }

    /// Most lines in a page.
    func mostMatches(_ limits: FileCallLimits) -> Int {
        min(limit > 0 ? limit : Self.usualMatches, limits.maximumGrepMatches)
    }

    /// Whether a name of this kind is looked at, whatever its path is.
    package func looks(at name: UnsafeRawBufferPointer, _ kind: FileInfo.Kind?) -> Bool {
        guard kind == .regular || kind == .directory else { return false }
        if !includesHidden, name.first == UInt8(ascii: ".") { return false }
        guard kind == .directory, !includesVersionControl else { return true }
        return !VersionControl.keepsDirectory(name)
    }

    /// Whether a path, given from `path` on, is searched.
    package func searches(_ inner: WorkspacePath, isDirectory: Bool) -> Bool {
        if excludes.contains(where: { $0.matches(inner, isDirectory: isDirectory, includesHidden: true) }) {
            return false
        }
        if isDirectory || includes.isEmpty { return true }
        return includes.contains { $0.matches(inner, includesHidden: true) }
    }

    /// The same of a file of which only the path is known, with all directories on the way.
    func reaches(_ inner: WorkspacePath) -> Bool {
        guard let (parent, name) = inner.parentAndName else { return false }
        guard name.withUnsafeBytes({ looks(at: $0, .regular) }), searches(inner, isDirectory: false) else {
            return false
        }
        var directory = parent
        while let (above, name) = directory.parentAndName {
            guard name.withUnsafeBytes({ looks(at: $0, .directory) }), searches(directory, isDirectory: true) else {
                return false
            }
            directory = above
        }
        return true
    }
}
