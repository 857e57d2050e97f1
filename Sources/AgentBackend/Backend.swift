public import NIOCore

/// Files and, where it has a shell, commands, confined to one root.
///
/// The same operations for local files, memory and a broker's client. All are safe to call from any thread, and
/// concurrently; those on one file take effect one after the other. A destroyed backend refuses every one with
/// `BACKEND_DESTROYED`. Cancelling the calling task ends a wait; what had its effect by then keeps it.
public protocol Backend: AnyObject, Sendable {
    var type: BackendType { get }

    /// Opens a regular file. Throws `READ_FAILED` (memory: `KEY_NOT_FOUND`) with a reason.
    func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader

    /// Begins to write a file; nothing shows before ``FileWriter/commit()``. Throws `WRITE_FAILED` with a reason.
    func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter

    /// Writes a file from memory; makes its parents. Throws `WRITE_FAILED` with a reason.
    @discardableResult
    func write(_ path: WorkspacePath, _ bytes: ByteBuffer, options: WriteOptions) async throws(BackendError) -> FileInfo

    /// Names in a directory, sorted as bytes. Throws `LS_FAILED` with a reason.
    func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage

    /// What is at a path. `followLink` false tells of a final symbolic link itself.
    func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo

    /// Removes a file, a symbolic link (never what it points to) or a directory.
    func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError)

    /// Starts a command in the root. Throws `NOT_IMPLEMENTED` where there is no shell.
    func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution

    /// The same files confined to the directory at `path`, made on first use.
    func scope(_ path: WorkspacePath) throws(BackendError) -> any Backend

    /// Ends what runs and refuses everything from now on. Files stay. Idempotent.
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
    /// Lets what was written take effect, all at once.
    func commit() async throws(BackendError) -> FileInfo
    /// Forgets what was written. Idempotent, and harmless after a commit.
    func abort() async
}

extension Backend {
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

/// What can be answered on the spot, on an event loop, without ever waiting for a disk or a lock that is held
/// for long.
package enum NonBlocking<Value: Sendable>: Sendable {
    case done(Value)
    case failed(BackendError)
    /// Ask the asynchronous way.
    case wouldBlock
}

/// A backend's answers that need no waiting, for a caller that must not wait. Each may say `wouldBlock` always.
package protocol NonBlockingOperations {
    /// A read whose bytes are at most `maximum` and at hand.
    func tryRead(_ path: WorkspacePath, range: ReadRange, maximum: Int) -> NonBlocking<(FileInfo, ByteBuffer)>
    func tryStat(_ path: WorkspacePath, followLink: Bool) -> NonBlocking<FileInfo>
    func tryWrite(_ path: WorkspacePath, _ bytes: ByteBuffer, options: WriteOptions) -> NonBlocking<FileInfo>
    func tryReaddir(_ path: WorkspacePath, options: ReaddirOptions) -> NonBlocking<DirectoryPage>
    func tryRemove(_ path: WorkspacePath, options: RemoveOptions) -> NonBlocking<Void>
}
