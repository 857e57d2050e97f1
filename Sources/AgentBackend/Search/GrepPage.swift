/// A line that was searched for.
public struct GrepMatch: Sendable, Hashable {
    /// Counted from 1.
    public var line: UInt64
    /// Without the newline that ends it; of a long one the first ``maximumText`` bytes, unless a backend has another limit.
    public var text: [UInt8]
    /// The lines before it and after it, whatever they are, as far as they were asked for and are there.
    public var before: [[UInt8]]
    public var after: [[UInt8]]

    /// Bytes of a line that are told.
    public static let maximumText = 4096

    public init(line: UInt64, text: [UInt8], before: [[UInt8]] = [], after: [[UInt8]] = []) {
        self.line = line
        self.text = text
        self.before = before
        self.after = after
    }
}

/// A file with lines that were searched for.
public struct GrepFile: Sendable, Hashable {
    /// As seen from the root of the scope that was searched.
    public var path: WorkspacePath
    public var matches: [GrepMatch]
    /// It may have more of them: a limit was reached.
    public var isTruncated: Bool

    public init(path: WorkspacePath, matches: [GrepMatch], isTruncated: Bool = false) {
        self.path = path
        self.matches = matches
        self.isTruncated = isTruncated
    }
}

/// Part of what a search of lines found, files in the order of names, one after the other: "a/x" before "a.txt".
public struct GrepPage: Sendable, Hashable {
    public var files: [GrepFile]
    /// There may be more: ask again for what comes after this path. Nil: that is all. A page may be empty and yet not be
    /// the last.
    public var next: WorkspacePath?
    /// Directories and files that could not be read, or named: they were passed over.
    public var skipped: UInt64
    /// Lines of which it could not be told in ``FileCallLimits/maximumGrepSteps`` whether they match: they count as those
    /// that do not.
    public var undecided: UInt64

    public init(files: [GrepFile] = [], next: WorkspacePath? = nil, skipped: UInt64 = 0, undecided: UInt64 = 0) {
        self.files = files
        self.next = next
        self.skipped = skipped
        self.undecided = undecided
    }

    /// Whether there may be more than it tells, in other files or in these.
    public var isTruncated: Bool { next != nil || files.contains(where: \.isTruncated) }
}

/// A ``GrepPage`` while it grows.
package struct GrepGathering: Sendable {
    package private(set) var page = GrepPage()
    private var matches: Int
    private var bytes: Int
    /// Entries that may be looked at for it.
    private var looks: Int
    private var undecided: Int
    private let limits: FileCallLimits
    /// The last file that was searched. Nil: none was.
    package private(set) var lastPath: WorkspacePath?

    package init(_ options: GrepOptions, _ limits: FileCallLimits) {
        self.limits = limits
        matches = options.mostMatches(limits)
        (bytes, looks) = (limits.maximumPageBytes, limits.maximumLooks)
        undecided = limits.maximumUndecidedLines
    }

    package var isFull: Bool { matches <= 0 || bytes <= 0 || looks <= 0 || undecided <= 0 }

    package mutating func look(at entries: Int = 1) {
        looks -= entries
    }

    /// A search of the lines of the next file, in what room there is left.
    package func search(_ pattern: GrepPattern, _ options: GrepOptions) -> LineSearch {
        let most = options.maximumPerFile > 0 ? min(options.maximumPerFile, matches) : matches
        return LineSearch(
            pattern,
            LineSearch.Limits(
                contextBefore: min(max(options.contextBefore, 0), limits.maximumGrepContext),
                contextAfter: min(max(options.contextAfter, 0), limits.maximumGrepContext),
                matches: most,
                matchesOfOneFile: options.maximumPerFile > 0 ? options.maximumPerFile : .max,
                bytes: bytes,
                bytesOfOneLine: limits.maximumGrepLineBytes,
                undecided: undecided
            )
        )
    }

    /// Takes what was found in a file. False: there was no room for all of it, and the next page is to begin with this
    /// file, which may have all of its room.
    package mutating func add(_ search: LineSearch, of path: WorkspacePath) -> Bool {
        if search.isTruncated, !search.hasAllOfOneFile, lastPath != nil { return false }
        lastPath = path
        page.undecided += UInt64(search.undecided)
        undecided -= search.undecided
        guard !search.matches.isEmpty else { return true }
        matches -= search.matches.count
        bytes -= search.bytes + path.bytes.count
        page.files.append(GrepFile(path: path, matches: search.matches, isTruncated: search.isTruncated))
        return true
    }

    package mutating func finish(next: WorkspacePath? = nil, skipped: UInt64 = 0) -> GrepPage {
        page.next = next
        page.skipped = skipped
        return page
    }
}
