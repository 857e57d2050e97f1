/// Something that a search came upon.
public struct FoundFile: Sendable, Hashable {
    /// As seen from the root of the scope that was searched.
    public var path: WorkspacePath
    /// Nil for a kind that this build does not know.
    public var kind: FileInfo.Kind?
    /// Nil where it was not asked for, or the file vanished meanwhile.
    public var info: FileInfo?

    public init(path: WorkspacePath, kind: FileInfo.Kind?, info: FileInfo? = nil) {
        self.path = path
        self.kind = kind
        self.info = info
    }
}

/// Part of what a search found, in the order of names, one after the other: "a/x" before "a.txt".
public struct FilePage: Sendable, Hashable {
    public var files: [FoundFile]
    /// There may be more: ask again for what comes after this path. Nil: that is all. A page may be short, or empty, and
    /// yet not be the last.
    public var next: WorkspacePath?
    /// Directories that could not be read, and files whose paths are too long to be named: they were passed over.
    public var skipped: UInt64

    public init(files: [FoundFile] = [], next: WorkspacePath? = nil, skipped: UInt64 = 0) {
        self.files = files
        self.next = next
        self.skipped = skipped
    }

    /// Whether there may be more.
    public var isTruncated: Bool { next != nil }
}

/// How much one page of a search may hold, so that it fits into memory and into a frame.
package struct FilePageRoom: Sendable {
    private var files: Int
    private var bytes: Int
    /// Entries that may be looked at for it.
    private var looks: Int
    private let bytesPerFile: Int

    /// - Parameter limit: 0: the most that there can be.
    package init(limit: Int, maximum: Int, withDetails: Bool, _ limits: FileCallLimits) {
        files = limit > 0 ? min(limit, maximum) : maximum
        (bytes, looks) = (limits.maximumPageBytes, limits.maximumLooks)
        bytesPerFile = withDetails ? 64 : 16
    }

    package var isFull: Bool { files <= 0 || bytes <= 0 || looks <= 0 }

    package mutating func add(_ path: WorkspacePath) {
        files -= 1
        bytes -= path.bytes.count + bytesPerFile
    }

    package mutating func look(at entries: Int = 1) {
        looks -= entries
    }
}

/// A ``FilePage`` while it grows.
package struct FilePageGathering: Sendable {
    private var page = FilePage()
    private var room: FilePageRoom

    package init(_ room: FilePageRoom) {
        self.room = room
    }

    package var isFull: Bool { room.isFull }
    /// What was told of last.
    package var last: WorkspacePath? { page.files.last?.path }

    package mutating func look(at entries: Int = 1) {
        room.look(at: entries)
    }

    package mutating func add(_ file: FoundFile) {
        room.add(file.path)
        page.files.append(file)
    }

    /// The page, with where to go on.
    package func finished(next: WorkspacePath?, skipped: UInt64) -> FilePage {
        var page = page
        page.next = next
        page.skipped = skipped
        return page
    }
}

extension WorkspacePath {
    /// Throws `INVALID_ARGUMENT` for a place to go on from that is not in what is searched.
    package func checkLies(below path: WorkspacePath) throws(BackendError) {
        guard relative(to: path) == nil else { return }
        throw BackendError(
            .invalidArgument,
            message: "\(self) does not lie in \(path): go on after what was told of before, in the same directory"
        )
    }
}
