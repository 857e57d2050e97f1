public import NIOCore

/// Files and, where it has a shell, commands, confined to one root.
///
/// The same operations for local files, memory and a broker's client. All are safe to call from any thread, and
/// concurrently; those on one file take effect one after the other. A destroyed backend refuses every one with
/// `BACKEND_DESTROYED`. Cancelling the calling task ends a wait; what had its effect by then keeps it.
public protocol Backend: AnyObject, Sendable {
    var type: BackendType { get }

    /// Whether it answers, at this moment.
    var status: BackendStatus { get }

    /// Every change of the status from now on, in order; ends after the one to `destroyed`. A reader that leaves 1024
    /// unread loses the oldest.
    func statusChanges() -> AsyncStream<BackendStatusChange>

    /// Opens a regular file. Throws `READ_FAILED` (memory: `KEY_NOT_FOUND`) with a reason.
    func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader

    /// SHA-256 of a regular file, or of a range of it. Throws as ``openReader(_:range:)``, and with reason `BUSY` where the
    /// file became shorter meanwhile.
    func checksum(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> FileChecksum

    /// Some lines of a file, and how many it has. Throws `READ_FAILED` (memory: `KEY_NOT_FOUND`) with a reason.
    func readLines(_ path: WorkspacePath, window: LineWindow) async throws(BackendError) -> LinePage

    /// At most 1000 files from their start on, 768 KiB of them in all, each with what it would be answered with alone, in
    /// the order of the paths. Throws what is about no single file, and `INVALID_ARGUMENT` for more than
    /// ``ManyFiles`` allows.
    func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions
    ) async throws(BackendError) -> [Result<FileContents, BackendError>]

    /// Begins to write a file; nothing shows before ``FileWriter/commit()``. Throws `WRITE_FAILED` with a reason.
    func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter

    /// Writes a file from memory; makes its parents. Throws `WRITE_FAILED` with a reason.
    @discardableResult
    func write(_ path: WorkspacePath, _ bytes: ByteBuffer, options: WriteOptions) async throws(BackendError) -> FileInfo

    /// Replaces texts in a file, one edit after the other, and all of them or none. It is written only where it is still
    /// the file that was read; else the edits are made to what is there now. Throws `READ_FAILED` (memory:
    /// `KEY_NOT_FOUND`) or `WRITE_FAILED` with a reason: `NO_MATCH` and `NOT_UNIQUE` with
    /// ``BackendError/editMismatch``.
    @discardableResult
    func edit(_ path: WorkspacePath, _ edits: [TextEdit], options: EditOptions) async throws(BackendError) -> EditResult

    /// Names in a directory, sorted as bytes. Throws `LS_FAILED` with a reason.
    func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage

    /// Paths that match a pattern, a page at a time. No link is followed on the way, so that each file is told of once.
    /// Throws `LS_FAILED` with a reason where there is no directory to search.
    func glob(_ pattern: GlobPattern, options: GlobOptions) async throws(BackendError) -> FilePage

    /// What is in a directory, and in those in it, a page at a time: all kinds, in the order of names, a directory before
    /// what is in it. No link is followed. Throws `LS_FAILED` with a reason where there is no directory.
    func tree(_ options: TreeOptions) async throws(BackendError) -> FilePage

    /// Lines that match a pattern, of all files in a directory or of one file, a page at a time. No link is followed on
    /// the way; a file with a NUL byte is no text and is passed over. Throws `LS_FAILED` with a reason where there is
    /// nothing to search.
    func grep(_ pattern: GrepPattern, options: GrepOptions) async throws(BackendError) -> GrepPage

    /// Counts what is in a directory, or one file, a part at a time where it is much. No link is followed on the way. Throws
    /// `LS_FAILED` with a reason.
    func diskUsage(_ path: WorkspacePath, options: DiskUsageOptions) async throws(BackendError) -> DiskUsage

    /// Begins a tar archive of what is in a directory, in the order of names, or of one file. No link is followed on the
    /// way: links are in it as such. Throws `READ_FAILED` (memory: `KEY_NOT_FOUND`) with a reason.
    func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions
    ) async throws(BackendError) -> any ArchiveReader

    /// Takes a tar archive, plain or compressed with gzip or zstd, that is to be extracted into a directory, which is made
    /// with its parents. Nothing shows before ``ArchiveWriter/commit()``, which throws `PATH_ESCAPE_ATTEMPT` or
    /// `INVALID_ARGUMENT` for what has no place in a workspace, `RESOURCE_EXHAUSTED` for too much, `WRITE_FAILED` with a
    /// reason.
    func openExtraction(
        into path: WorkspacePath,
        options: ExtractOptions
    ) async throws(BackendError) -> any ArchiveWriter

    /// Watches a directory from now on: everything that happens after this returns is told. No link is followed but on the
    /// way to the directory. Throws `LS_FAILED` with a reason where there is none, and `RESOURCE_EXHAUSTED`.
    func watch(_ options: WatchOptions) async throws(BackendError) -> FileWatch

    /// What is at a path. `followLink` false tells of a final symbolic link itself.
    func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo

    /// What is at each of at most 1000 paths, as ``stat(_:followLink:)`` has it, in their order. Throws as
    /// ``readMany(_:options:)``.
    func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>]

    /// Whether something is at a path, a symbolic link followed. Never throws for what is missing.
    func exists(_ path: WorkspacePath) async throws(BackendError) -> Bool

    /// Makes a directory. Throws `WRITE_FAILED` with a reason. Nothing to do in memory, where keys imply directories.
    func mkdir(_ path: WorkspacePath, options: MkdirOptions) async throws(BackendError)

    /// Makes an empty file, with its parents, or sets the modification time of what is there; never overwrites. Throws
    /// `WRITE_FAILED` with a reason.
    @discardableResult
    func touch(_ path: WorkspacePath) async throws(BackendError) -> FileInfo

    /// Gives a file or directory permission bits, 0 to 0o777; a symbolic link is followed, and the root stays as it is.
    /// Throws as ``rename(_:to:options:)``, and `INVALID_ARGUMENT` for other bits.
    @discardableResult
    func chmod(_ path: WorkspacePath, permissions: UInt32) async throws(BackendError) -> FileInfo

    /// Makes a symbolic link, and its parents, to a place inside; what is there, if anything, makes no difference. The link
    /// itself is relative. Throws `WRITE_FAILED` with reason `EXISTS` where something has its name,
    /// `PATH_ESCAPE_ATTEMPT` for a place outside, `NOT_IMPLEMENTED` in memory.
    func symlink(_ path: WorkspacePath, to target: LinkTarget) async throws(BackendError)

    /// Gives a file, link or directory another name, in one step; makes the parents of the new one. Throws
    /// `WRITE_FAILED` (memory, where nothing has the old name: `KEY_NOT_FOUND`) with a reason.
    func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) async throws(BackendError)

    /// Copies a file, or a directory with all that is in it; makes the parents of the destination. Each file appears
    /// as a whole, with the permission bits of its original; a tree does not. Links within a tree are copied as links.
    /// What cannot be copied there is passed over, and the first of it reported at the end. Throws as
    /// ``rename(_:to:options:)``.
    @discardableResult
    func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) async throws(BackendError) -> CopyResult

    /// Removes a file, a symbolic link (never what it points to) or a directory.
    func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError)

    /// Starts a command in the root. Throws `NOT_IMPLEMENTED` where there is no shell.
    func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution

    /// Bytes of each output stream of a command that ``run(_:input:maximumOutputLength:)`` and its like keep where they
    /// are told no other limit.
    var maximumOutputLength: Int { get }

    /// Keys of a memory backend that begin with `prefix`, byte by byte. Others throw `NOT_IMPLEMENTED`.
    func listKeys(prefix: [UInt8], options: ListKeysOptions) async throws(BackendError) -> KeyPage

    /// Removes one key of a memory backend. False: there was none. Others throw `NOT_IMPLEMENTED`.
    @discardableResult
    func deleteKey(_ key: WorkspacePath) async throws(BackendError) -> Bool

    /// Removes all keys of a memory backend, or of its scope, and returns how many. Others throw `NOT_IMPLEMENTED`.
    @discardableResult
    func clearKeys() async throws(BackendError) -> Int

    /// The same files confined to the directory at `path`, made on first use, with an environment and an operations
    /// logger of its own. Throws `BACKEND_DESTROYED`.
    func scope(_ path: WorkspacePath, configuration: ScopeConfiguration) throws(BackendError) -> any Backend

    /// Paths of the scopes that are in use, at any depth, sorted as bytes.
    func listActiveScopes() -> [WorkspacePath]

    /// Has `closeable` closed when the backend is destroyed, before it ends; at once where it has been. A scope hands
    /// it to the backend that it is a scope of.
    func trackCloseable(_ closeable: any BackendCloseable) async

    /// Closes what is tracked, ends what runs and refuses everything from then on. Files stay. Idempotent.
    func destroy() async
}

/// An open file, read from front to back by one caller.
public protocol FileReader: Sendable {
    /// As it was when it was opened.
    var info: FileInfo { get }
    /// The next bytes, at most `count` of them; nil at the end.
    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer?
    /// Gives back what it holds. Idempotent.
    func close() async
}

/// A file in the making, by one caller. Ends with ``commit()`` or ``abort()``.
public protocol FileWriter: Sendable {
    func write(_ bytes: ByteBuffer) async throws(BackendError)
    /// Lets what was written take effect, all at once. Where that fails it can be tried again, with the same bytes; over
    /// a connection they are gone with the call. `INVALID_ARGUMENT` for a writer that has ended.
    func commit() async throws(BackendError) -> FileInfo
    /// Forgets what was written. Idempotent, and harmless after a commit.
    func abort() async
}

extension Backend {
    /// 10 MiB.
    public var maximumOutputLength: Int { 10 << 20 }

    public func exists(_ path: WorkspacePath) async throws(BackendError) -> Bool {
        do throws(BackendError) {
            _ = try await stat(path, followLink: true)
            return true
        } catch  where error.isMissing {
            return false
        } catch {
            throw error.during("exists")
        }
    }

    public func listKeys(prefix: [UInt8], options: ListKeysOptions) async throws(BackendError) -> KeyPage {
        throw .keysOfFiles("list_keys")
    }

    public func deleteKey(_ key: WorkspacePath) async throws(BackendError) -> Bool {
        throw .keysOfFiles("delete_key")
    }

    public func clearKeys() async throws(BackendError) -> Int {
        throw .keysOfFiles("clear_keys")
    }

    /// The whole file, or a range of it. Holds it in memory: for more than `maximum` bytes, or 2 GiB, `READ_FAILED`
    /// with reason `TOO_LARGE`; use ``openReader(_:range:)`` for those.
    public func read(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        maximum: Int = 64 << 20
    ) async throws(BackendError) -> ByteBuffer {
        let maximum = min(maximum, Int(Int32.max))
        let reader = try await openReader(path, range: range)
        do throws(BackendError) {
            var contents = ByteBuffer()
            while var piece = try await reader.read(upTo: 1 << 20) {
                guard contents.readableBytes + piece.readableBytes <= maximum else {
                    throw BackendError(
                        .readFailed,
                        reason: .tooLarge,
                        message: "\(path) has more than \(maximum) bytes: read a range, or open it as a stream"
                    )
                }
                if contents.readableBytes == 0 {
                    contents = piece
                } else {
                    contents.writeBuffer(&piece)
                }
            }
            await reader.close()
            return contents
        } catch {
            await reader.close()
            throw error.during("read")
        }
    }

    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        let writer = try await openWriter(path, options: options)
        do throws(BackendError) {
            try await writer.write(bytes)
            return try await writer.commit()
        } catch {
            await writer.abort()
            throw error.during("write")
        }
    }
}

extension BackendError {
    /// There is nothing at the path, which for a question whether there is something is no error.
    package var isMissing: Bool { reason == .notFound || reason == .notDirectory }

    package static func keysOfFiles(_ operation: String) -> BackendError {
        BackendError(
            .notImplemented,
            message: "only a memory backend has keys: list, rename and remove files here",
            operation: operation
        )
    }
}
