/// What part of a file to read.
public struct ReadRange: Sendable, Hashable {
    /// Bytes from the start of the file.
    public var offset: UInt64
    /// Bytes; nil: to the end of the file.
    public var length: UInt64?

    public static let all = ReadRange()

    public init(offset: UInt64 = 0, length: UInt64? = nil) {
        self.offset = offset
        self.length = length
    }

    /// The part of it that a file of `size` bytes has.
    package func span(ofFileWith size: UInt64) -> (offset: UInt64, count: UInt64) {
        let start = min(offset, size)
        return (start, min(length ?? .max, size - start))
    }
}

/// How a file is written.
public struct WriteOptions: Sendable, Hashable {
    /// The raw values are those of `WriteMode` in `Protos/agentbroker/v1/files.proto`.
    public enum Mode: UInt32, Sendable {
        /// Replaces the file as a whole: a reader sees the old one or the new one.
        case replace = 0
        /// Fails with reason `EXISTS` where there is a file.
        case createOnly = 1
        /// Adds to the end, in one piece with regard to other appends.
        case append = 2
    }

    /// What success promises about a power cut. The raw values are those of `Durability` in `files.proto`.
    public enum Durability: UInt32, Sendable {
        /// Nothing: the file may then be old, new or empty.
        case none = 0
        /// The bytes are on disk: `fdatasync(2)`.
        case data = 1
        /// So is the name: `fsync(2)` of file and directory.
        case full = 2
    }

    public var mode: Mode
    public var durability: Durability
    /// Permission bits of a file that is made. One that is replaced keeps its own.
    public var permissions: UInt32
    /// Write only where the file is still of this version: one that was changed or removed is `CONFLICT`, with the
    /// present version in ``BackendError/currentEtag``. Two that expect the same version never both succeed; with
    /// ``Mode/createOnly`` none does. Nil: whatever is there.
    public var expectedEtag: Etag?

    public init(
        mode: Mode = .replace,
        durability: Durability = .none,
        permissions: UInt32 = 0o644,
        expectedEtag: Etag? = nil
    ) {
        self.mode = mode
        self.durability = durability
        self.permissions = permissions
        self.expectedEtag = expectedEtag
    }
}

/// What part of a directory to list.
public struct ReaddirOptions: Sendable, Hashable {
    /// With type, size, time and permissions.
    public var withDetails: Bool
    /// Only names that sort after this one. Empty: from the start.
    public var after: [UInt8]
    /// At most this many entries, and no more than the backend's own limit. 0: that one.
    public var limit: Int

    public init(withDetails: Bool = false, after: [UInt8] = [], limit: Int = 0) {
        self.withDetails = withDetails
        self.after = after
        self.limit = limit
    }
}

/// How something is removed.
public struct RemoveOptions: Sendable, Hashable {
    /// A directory with all that is in it.
    public var recursive: Bool
    /// A missing target is no error.
    public var force: Bool
    /// Remove only where the file is still of this version, as ``WriteOptions/expectedEtag``; a directory has none. Nil:
    /// whatever is there.
    public var expectedEtag: Etag?

    public init(recursive: Bool = false, force: Bool = false, expectedEtag: Etag? = nil) {
        self.recursive = recursive
        self.force = force
        self.expectedEtag = expectedEtag
    }
}

/// How a directory is made.
public struct MkdirOptions: Sendable, Hashable {
    /// Its parents too, and one that is there already is no error.
    public var recursive: Bool
    /// Permission bits of the directory itself; parents get 0755.
    public var permissions: UInt32

    public init(recursive: Bool = true, permissions: UInt32 = 0o755) {
        self.recursive = recursive
        self.permissions = permissions
    }
}

extension BackendError {
    /// Throws `INVALID_ARGUMENT` for more than permission bits.
    package static func checkPermissions(_ permissions: UInt32) throws(BackendError) {
        guard permissions > 0o777 else { return }
        let given = String(permissions, radix: 8)
        throw BackendError(.invalidArgument, message: "permissions are 0 to 0777, not 0\(given): leave out other bits")
    }
}

/// How something gets another name.
public struct RenameOptions: Sendable, Hashable {
    /// What has the new name already is replaced, as rename(2) does. False: reason `EXISTS`.
    public var replacesExisting: Bool
    /// Rename only where the file is still of this version, as ``WriteOptions/expectedEtag``; a directory has none. Nil:
    /// whatever is there.
    public var expectedEtag: Etag?

    public init(replacesExisting: Bool = true, expectedEtag: Etag? = nil) {
        self.replacesExisting = replacesExisting
        self.expectedEtag = expectedEtag
    }
}

/// How something is copied.
public struct CopyOptions: Sendable, Hashable {
    /// A directory with all that is in it, into one that is there already, if any.
    public var recursive: Bool
    /// Files that are there already are replaced, each as a whole. False: reason `EXISTS`.
    public var replacesExisting: Bool
    /// Copy only where the file is still of this version, as ``WriteOptions/expectedEtag``; a directory has none. Nil:
    /// whatever is there.
    public var expectedEtag: Etag?

    public init(recursive: Bool = false, replacesExisting: Bool = true, expectedEtag: Etag? = nil) {
        self.recursive = recursive
        self.replacesExisting = replacesExisting
        self.expectedEtag = expectedEtag
    }
}

/// What was copied.
public struct CopyResult: Sendable, Hashable {
    /// Files and symbolic links; directories do not count.
    public var files: UInt64
    /// Bytes of the files.
    public var bytes: UInt64

    public init(files: UInt64, bytes: UInt64) {
        self.files = files
        self.bytes = bytes
    }
}

/// What part of a memory backend's keys to list.
public struct ListKeysOptions: Sendable, Hashable {
    /// Only keys that sort after this one. Empty: from the start.
    public var after: [UInt8]
    /// At most this many keys, and no more than the backend's own limit. 0: that one.
    public var limit: Int

    public init(after: [UInt8] = [], limit: Int = 0) {
        self.after = after
        self.limit = limit
    }
}

/// Part of a memory backend's keys, in the order of their names: "a/x" before "a.txt".
public struct KeyPage: Sendable, Hashable {
    public var keys: [WorkspacePath]
    /// There are more after the last one.
    public var isTruncated: Bool

    public init(keys: [WorkspacePath], isTruncated: Bool) {
        self.keys = keys
        self.isTruncated = isTruncated
    }
}
