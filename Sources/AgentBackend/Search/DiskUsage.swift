/// What of a directory to count.
public struct DiskUsageOptions: Sendable, Hashable {
    /// Most files and directories that one call counts.
    public static let maximumEntries = 1_000_000

    /// Only what comes after this path; see ``DiskUsage/next``. Nil: from the start.
    public var after: WorkspacePath?
    /// Files and directories to count at most. 0, and what is above it: ``maximumEntries``.
    public var limit: Int

    public init(after: WorkspacePath? = nil, limit: Int = 0) {
        self.after = after
        self.limit = limit
    }

    /// Entries to count at most.
    package var mostEntries: Int { limit > 0 ? min(limit, Self.maximumEntries) : Self.maximumEntries }
}

/// What is in a directory, counted.
public struct DiskUsage: Sendable, Hashable {
    /// Files of all kinds but directories. One with several names counts once for each.
    public var files: UInt64
    /// Without the one that was asked for.
    public var directories: UInt64
    /// Of regular files, as stat tells them.
    public var bytes: UInt64
    /// What regular files take on the disk, one with several names once for each. In memory: as ``bytes``.
    public var allocatedBytes: UInt64
    /// Directories that could not be read, and files whose paths are too long to be named: they are not counted.
    public var skipped: UInt64
    /// There may be more, which is not counted: ask again for what comes after this path, and add up. Nil: that is all.
    public var next: WorkspacePath?

    public init(
        files: UInt64 = 0,
        directories: UInt64 = 0,
        bytes: UInt64 = 0,
        allocatedBytes: UInt64 = 0,
        skipped: UInt64 = 0,
        next: WorkspacePath? = nil
    ) {
        self.files = files
        self.directories = directories
        self.bytes = bytes
        self.allocatedBytes = allocatedBytes
        self.skipped = skipped
        self.next = next
    }

    /// Adds what comes after it.
    public mutating func add(_ rest: DiskUsage) {
        files += rest.files
        directories += rest.directories
        bytes += rest.bytes
        allocatedBytes += rest.allocatedBytes
        skipped += rest.skipped
        next = rest.next
    }
}
