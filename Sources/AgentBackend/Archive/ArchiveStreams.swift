public import NIOCore

/// A tar archive in the making, read from front to back by one caller. No more is made than is read.
public protocol ArchiveReader: Sendable {
    /// The next bytes, at most `count` of them; nil at the end.
    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer?
    /// What the archive holds; all of it once ``read(upTo:)`` has returned nil.
    var summary: ArchiveSummary { get }
    /// Gives back what it holds. Idempotent.
    func close() async
}

/// A tar archive that is to be extracted, sent by one caller. Ends with ``commit()`` or ``abort()``.
public protocol ArchiveWriter: Sendable {
    func write(_ bytes: ByteBuffer) async throws(BackendError)
    /// Checks all of the archive, and extracts it where there is nothing to refuse. What keeps a file from being written
    /// ends it; what was extracted by then stays, and the error says how much that is.
    func commit() async throws(BackendError) -> ExtractResult
    /// Forgets what was written. Idempotent, and harmless after a commit.
    func abort() async
}
