/// Something that happened in a directory that is watched.
public struct FileChange: Sendable, Hashable {
    /// The raw values are those of `WatchEventKind` in `files.proto`.
    public enum Kind: UInt32, Sendable, CaseIterable {
        /// It is there now: new, or in the place of what had the name. Of a directory, what is in it is told of next, as
        /// created: what was known of it before no longer counts.
        case created = 2
        /// Its contents or what stat tells of it.
        case modified = 3
        /// It is there no more; of a directory, with all that was in it. The last change of a watch where it is the watched directory itself.
        case removed = 4
        /// It had the name ``FileChange/from``. Of a directory: with all that is in it.
        case moved = 5
        /// Changes are missing from here on: they came faster than they were taken. List what is there again; all that
        /// happens after this is told.
        case overflow = 6
    }

    public var kind: Kind
    /// As seen from the root of the scope. Of an ``Kind/overflow``: the watched directory.
    public var path: WorkspacePath
    /// Of what was moved.
    public var from: WorkspacePath?
    public var isDirectory: Bool
    /// Of an ``Kind/overflow``: changes that are missing, as far as they could be counted.
    public var missing: UInt64

    public init(
        _ kind: Kind,
        _ path: WorkspacePath,
        from: WorkspacePath? = nil,
        isDirectory: Bool = false,
        missing: UInt64 = 0
    ) {
        self.kind = kind
        self.path = path
        self.from = from
        self.isDirectory = isDirectory
        self.missing = missing
    }

    /// What it counts for among the bytes that wait.
    package var pathBytes: Int { path.bytes.count + (from?.bytes.count ?? 0) }
}
