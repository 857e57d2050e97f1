/// What of a directory to put into a tar archive, and how.
public struct ArchiveOptions: Sendable, Hashable {
    /// The raw values are those of `ArchiveCompression` in `Protos/agentbroker/v1/archive.proto`.
    public enum Compression: UInt32, Sendable, CaseIterable {
        case none = 0
        case gzip = 1
        case zstd = 2
    }

    public var compression: Compression
    /// Nothing whose path, from the directory on, matches one of these, and nothing in such directories.
    public var excludes: [GlobPattern]

    public init(compression: Compression = .none, excludes: [GlobPattern] = []) {
        self.compression = compression
        self.excludes = excludes
    }

    /// Whether a path, given from the directory on, is left out with all that is in it.
    package func excludes(_ inner: WorkspacePath, isDirectory: Bool) -> Bool {
        excludes.contains { $0.matches(inner, isDirectory: isDirectory, includesHidden: true) }
    }

    /// The same of what only the path is known of.
    func excludesAny(of inner: WorkspacePath, isDirectory: Bool) -> Bool {
        guard !excludes.isEmpty else { return false }
        var (path, isDirectory) = (inner, isDirectory)
        while let (parent, _) = path.parentAndName {
            if excludes(path, isDirectory: isDirectory) { return true }
            (path, isDirectory) = (parent, true)
        }
        return false
    }
}

/// What an archive holds.
public struct ArchiveSummary: Sendable, Hashable {
    /// Files, directories and symbolic links.
    public var entries: UInt64
    /// Of the files, before compression.
    public var bytes: UInt64
    /// What is left out: what could not be read, and what is neither file, directory nor symbolic link.
    public var skipped: UInt64
    /// Files that changed while they were read. One that became shorter is filled up with zeros, one that became longer
    /// is cut, as tar(1) does: the archive is whole, such a file in it is not.
    public var changed: UInt64

    public init(entries: UInt64 = 0, bytes: UInt64 = 0, skipped: UInt64 = 0, changed: UInt64 = 0) {
        self.entries = entries
        self.bytes = bytes
        self.skipped = skipped
        self.changed = changed
    }
}

/// How an archive is extracted.
public struct ExtractOptions: Sendable, Hashable {
    /// Files and links that are there already are replaced, each as a whole. False: reason `EXISTS`.
    public var replacesExisting: Bool

    public init(replacesExisting: Bool = true) {
        self.replacesExisting = replacesExisting
    }
}

/// What came out of an archive.
public struct ExtractResult: Sendable, Hashable {
    public var files: UInt64
    /// Those that the archive names, whether they were there or not.
    public var directories: UInt64
    /// Symbolic links and further names of files.
    public var links: UInt64
    /// Of the files.
    public var bytes: UInt64

    public init(files: UInt64 = 0, directories: UInt64 = 0, links: UInt64 = 0, bytes: UInt64 = 0) {
        self.files = files
        self.directories = directories
        self.links = links
        self.bytes = bytes
    }
}

/// What archives are kept to, when they are made and when they are extracted.
public struct ArchiveLimits: Sendable, Hashable {
    /// Bytes of an archive that is extracted, as it is sent.
    public var maximumBytes: UInt64
    /// Bytes of all files in one archive, before compression.
    public var maximumContentBytes: UInt64
    /// Files, directories and links in one archive.
    public var maximumEntries: UInt64
    /// How many times as long as it was sent an archive may become. What is shorter than 64 MiB then is never refused
    /// for that.
    public var maximumRatio: UInt64

    public init(
        maximumBytes: UInt64 = 4 << 30,
        maximumContentBytes: UInt64 = 16 << 30,
        maximumEntries: UInt64 = 1_000_000,
        maximumRatio: UInt64 = 200
    ) {
        self.maximumBytes = maximumBytes
        self.maximumContentBytes = maximumContentBytes
        self.maximumEntries = maximumEntries
        self.maximumRatio = maximumRatio
    }
}
