/// What inode(7) says of a file, as far as a caller needs it.
public struct FileInfo: Sendable, Hashable {
    /// The raw values are those of `FileType` in `Protos/agentbroker/v1/common.proto`.
    public enum Kind: UInt32, Sendable {
        case regular = 1
        case directory = 2
        case symbolicLink = 3
        case fifo = 4
        case socket = 5
        case characterDevice = 6
        case blockDevice = 7
    }

    /// Nil for a kind that this build does not know.
    public var kind: Kind?
    /// Bytes.
    public var size: UInt64
    /// Nanoseconds since 1970-01-01 UTC.
    public var modifiedNanoseconds: Int64
    /// Permission bits, 0 to 0o7777.
    public var permissions: UInt32
    /// Of a regular file: the version that this tells of; see ``WriteOptions/expectedEtag``. Nil where it is not known.
    public var etag: Etag?

    public init(kind: Kind?, size: UInt64, modifiedNanoseconds: Int64, permissions: UInt32, etag: Etag? = nil) {
        self.kind = kind
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.permissions = permissions
        self.etag = etag
    }
}

/// One entry of a directory.
public struct DirectoryEntry: Sendable, Hashable {
    /// A name without "/". Bytes, as the kernel's are.
    public var name: [UInt8]
    /// Nil where it was not asked for, or the entry vanished meanwhile.
    public var info: FileInfo?

    public init(name: [UInt8], info: FileInfo? = nil) {
        self.name = name
        self.info = info
    }

    /// The name as text, byte for byte. Nil where it is no UTF-8; ``WorkspacePath/printable(_:)`` shows it to people.
    public var text: String? { String(validating: name, as: UTF8.self) }
}

/// Part of a directory's entries, sorted by name as bytes.
public struct DirectoryPage: Sendable, Hashable {
    public var entries: [DirectoryEntry]
    /// There are more after the last one.
    public var isTruncated: Bool

    public init(entries: [DirectoryEntry], isTruncated: Bool) {
        self.entries = entries
        self.isTruncated = isTruncated
    }
}
