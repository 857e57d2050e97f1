internal import AgentBackend
internal import Glibc
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
        var offset: UInt64
        /// Bytes that are still asked for. A file that grows is read no further than that.
        var remaining: UInt64
    }

    init(
        descriptor: FileDescriptorHandle,
        info: FileInfo,
        range: ReadRange,
        path: WorkspacePath,
        threads: FileThreads
    ) {
        self.info = info
        self.path = path
        self.threads = threads
        let span = range.span(ofFileWith: info.size)
        state = Mutex(State(descriptor: descriptor, offset: span.offset, remaining: span.count))
    }

    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        let (descriptor, offset, wanted) = state.withLock { state in
            (state.descriptor, state.offset, Int(min(UInt64(max(count, 0)), state.remaining)))
        }
        guard let descriptor, wanted > 0 else { return nil }
        let path = path
        // Open already: whose permissions hold makes no difference any more.
        let piece = try await threads.run(as: nil) { () -> Result<ByteBuffer, BackendError> in
            var buffer = ByteBufferAllocator().buffer(capacity: wanted)
            var failure: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { memory in
                let read = pread(descriptor.number, memory.baseAddress, wanted, off_t(offset))
                if read < 0 { failure = errno }
                return max(0, read)
            }
            return failure == 0 ? .success(buffer) : .failure(BackendError(.readFailed, errno: failure, path))
        }
        state.withLock { state in
            state.offset += UInt64(piece.readableBytes)
            // A file that became shorter ends here.
            state.remaining = piece.readableBytes == 0 ? 0 : state.remaining - UInt64(piece.readableBytes)
        }
        return piece.readableBytes == 0 ? nil : piece
    }

    func close() async {
        state.withLock { $0.descriptor = nil }
    }
}

/// Writes a file from front to back, out of sight until it is committed.
final class LocalFileWriter: FileWriter {
    private let backend: LocalFilesystemBackend
    private let file: TemporaryFile
    private let path: WorkspacePath
    private let options: WriteOptions
    private let size = Atomic<UInt64>(0)
    private let isFinished = Atomic<Bool>(false)

    init(backend: LocalFilesystemBackend, file: TemporaryFile, path: WorkspacePath, options: WriteOptions) {
        self.backend = backend
        self.file = file
        self.path = path
        self.options = options
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        let (file, offset) = (file, size.load(ordering: .relaxed))
        try await backend.perform(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.write(bytes, to: file.descriptor, at: offset)
        }
        size.add(UInt64(bytes.readableBytes), ordering: .relaxed)
    }

    func commit() async throws(BackendError) -> FileInfo {
        let (file, path, options) = (file, path, options)
        let info = try await backend.perform(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try files.commit(file, to: path, options: options)
        }
        isFinished.store(true, ordering: .relaxed)
        return info
    }

    func abort() async {
        guard !isFinished.exchange(true, ordering: .relaxed) else { return }
        file.remove()
    }
}
