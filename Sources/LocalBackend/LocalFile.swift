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
    private let state: Mutex<State>

    private enum State {
        /// With so many bytes. May become ended.
        case open(TemporaryFile, size: UInt64)
        /// Committed or aborted.
        case ended
    }

    init(backend: LocalFilesystemBackend, file: TemporaryFile, path: WorkspacePath, options: WriteOptions) {
        self.backend = backend
        self.path = path
        self.options = options
        state = Mutex(.open(file, size: 0))
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        let (file, size) = try openFile()
        let (path, options) = (path, options)
        try await backend.change(path) { files throws(DirectoryAccess.Failure) in
            try files.write(bytes, to: file, at: size, path, options)
        }
        state.withLock { state in
            if case .open = state { state = .open(file, size: size + UInt64(bytes.readableBytes)) }
        }
    }

    func commit() async throws(BackendError) -> FileInfo {
        let (file, _) = try openFile()
        let (path, options) = (path, options)
        let info = try await backend.change(path) { files throws(DirectoryAccess.Failure) in
            try files.commit(file, to: path, options: options)
        }
        state.withLock { $0 = .ended }
        return info
    }

    func abort() async {
        let file = state.withLock { state -> TemporaryFile? in
            guard case .open(let file, _) = state else { return nil }
            state = .ended
            return file
        }
        guard let file else { return }
        // Also in a task that was cancelled, which is where most aborts come from.
        await backend.settings.threads.runAlways { file.remove() }
    }

    private func openFile() throws(BackendError) -> (file: TemporaryFile, size: UInt64) {
        guard case .open(let file, let size) = state.withLock({ $0 }) else {
            throw BackendError(
                .invalidArgument,
                message: "the writer of \(path) was committed or aborted before: open a new one"
            )
        }
        return (file, size)
    }
}
