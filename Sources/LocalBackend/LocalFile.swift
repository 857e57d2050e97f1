internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// Reads an open file from front to back.
final class LocalFileReader: FileReader {
    let info: FileInfo
    private let path: WorkspacePath
    private let threads: FileThreads
    private let state: Mutex<State>

    private struct State {
        /// Nil: closed.
        var descriptor: FileDescriptorHandle?
        /// Read already.
        var ahead: ByteBuffer
        /// Of what comes after that.
        var offset: UInt64
        /// Bytes that are still asked for. A file that grows is read no further than that.
        var remaining: UInt64
    }

    /// What an open file is read from: its first bytes come with it, so that a small file takes one turn on a file
    /// thread.
    struct Beginning: Sendable {
        var descriptor: FileDescriptorHandle
        var info: FileInfo
        var first: ByteBuffer
    }

    init(_ beginning: Beginning, range: ReadRange, path: WorkspacePath, threads: FileThreads) {
        info = beginning.info
        self.path = path
        self.threads = threads
        let span = range.span(ofFileWith: beginning.info.size)
        let count = UInt64(beginning.first.readableBytes)
        state = Mutex(
            State(
                descriptor: beginning.descriptor,
                ahead: beginning.first,
                offset: span.offset + count,
                // A file that is shorter by now ends here.
                remaining: count == 0 ? 0 : span.count - count
            )
        )
    }

    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        let (ahead, descriptor, offset, remaining) = state.withLock { state in
            let length = max(0, min(count, state.ahead.readableBytes))
            return (state.ahead.readSlice(length: length), state.descriptor, state.offset, state.remaining)
        }
        if let ahead, ahead.readableBytes > 0 { return ahead }
        let wanted = Int(min(UInt64(max(count, 0)), remaining, Self.maximumPiece))
        guard let descriptor, wanted > 0 else { return nil }
        let path = path
        // Open already: whose permissions hold makes no difference any more.
        let piece = try await threads.run(as: nil) { _ -> Result<ByteBuffer, BackendError> in
            do throws(DirectoryAccess.Failure) {
                return .success(try descriptor.read(upTo: wanted, at: offset))
            } catch {
                return .failure(error.error(.readFailed, path))
            }
        }
        state.withLock { state in
            state.offset += UInt64(piece.readableBytes)
            // A file that became shorter ends here.
            state.remaining = piece.readableBytes == 0 ? 0 : state.remaining - UInt64(piece.readableBytes)
        }
        return piece.readableBytes == 0 ? nil : piece
    }

    func close() async {
        state.withLock { state in
            state.descriptor = nil
            state.ahead = ByteBuffer()
        }
    }

    /// Bytes that come with the opened file.
    static let maximumAhead = 64 << 10
    /// Bytes of memory that one read takes, whatever was asked for.
    private static let maximumPiece: UInt64 = 16 << 20
}

/// Writes a file from front to back, out of sight until it is committed.
final class LocalFileWriter: FileWriter {
    private let backend: LocalFilesystemBackend
    private let path: WorkspacePath
    private let options: WriteOptions
    private let file: GrowingFile

    init(backend: LocalFilesystemBackend, file: TemporaryFile, path: WorkspacePath, options: WriteOptions) {
        (self.backend, self.path, self.options) = (backend, path, options)
        let ended = BackendError(
            .invalidArgument,
            message: "the writer of \(path) was committed or aborted before: open a new one"
        )
        self.file = GrowingFile(file, of: backend, for: path, ended: ended)
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try await file.add(bytes, options)
    }

    func commit() async throws(BackendError) -> FileInfo {
        let written = try file.open().file
        let info = try await backend.change(path) { [path, options] files throws(DirectoryAccess.Failure) in
            try files.commit(written, to: path, options: options)
        }
        file.wasTaken()
        return info
    }

    func abort() async {
        await file.giveUp()
    }
}
