public import AgentBackend
internal import Glibc

/// The file operations themselves, beneath one root: plain calls that may wait for the disk. One file per verb.
///
/// They run as the org's user (``FileIdentity``), so they make system calls and compute, and nothing else.
struct LocalFiles {
    var access: DirectoryAccess
    let temporary: TemporaryFileDirectory
    let limits: LocalFilesystemLimits
    /// Whose permissions hold.
    let user: uid_t
    /// Asked by what may take long.
    let cancellation: FileCancellation
}

/// What the file operations of a backend keep to.
public struct LocalFilesystemLimits: Sendable, Hashable {
    /// Largest file that is written through the backend, in bytes. Commands have limits of their own.
    public var maximumFileBytes: UInt64
    /// Most entries that one ``Backend/readdir(_:options:)`` returns.
    public var maximumReaddirEntries: Int
    public var archive: ArchiveLimits
    public var calls: FileCallLimits

    public init(
        maximumFileBytes: UInt64 = 16 << 30,
        maximumReaddirEntries: Int = 1000,
        archive: ArchiveLimits = ArchiveLimits(),
        calls: FileCallLimits = FileCallLimits()
    ) {
        self.maximumFileBytes = maximumFileBytes
        self.maximumReaddirEntries = maximumReaddirEntries
        self.archive = archive
        self.calls = calls
    }
}
