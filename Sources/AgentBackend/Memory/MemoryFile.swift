import NIOCore
import Synchronization

/// Reads the contents that a key had when it was opened.
final class MemoryFileReader: FileReader {
    let info: FileInfo
    private let rest: Mutex<ByteBuffer>

    init(info: FileInfo, contents: ByteBuffer) {
        self.info = info
        rest = Mutex(contents)
    }

    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        rest.withLock { rest in
            let length = min(count, rest.readableBytes)
            return length > 0 ? rest.readSlice(length: length) : nil
        }
    }

    func close() async {
        rest.withLock { $0 = ByteBuffer() }
    }
}

/// Gathers bytes until they are committed. They count against the budget from the start, so that a stream that
/// never ends is bounded too. A commit that is refused leaves them for another try.
final class MemoryFileWriter: FileWriter {
    private let backend: MemoryBackend
    private let path: WorkspacePath
    private let options: WriteOptions
    private let state = Mutex(State())

    private struct State {
        var gathered = ByteBuffer()
        /// Committed or aborted.
        var isEnded = false
    }

    private var budget: MemoryBudget { backend.storage.budget }

    init(backend: MemoryBackend, path: WorkspacePath, options: WriteOptions) {
        self.backend = backend
        self.path = path
        self.options = options
    }

    deinit {
        end()
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try withOpen { state throws(BackendError) in
            let count = state.gathered.readableBytes
            try backend.check(count + bytes.readableBytes, path)
            try budget.change(from: count, to: count + bytes.readableBytes)
            state.gathered.writeImmutableBuffer(bytes)
        }
    }

    func commit() async throws(BackendError) -> FileInfo {
        try withOpen { state throws(BackendError) in
            let bytes = state.gathered
            let info = try backend.put(path, bytes, options: options, reserved: bytes.readableBytes)
            // The bytes are the key's now.
            state = State(isEnded: true)
            return info
        }
    }

    func abort() async {
        end()
    }

    /// Throws `BACKEND_DESTROYED`, `INVALID_ARGUMENT` for a writer that has ended, or what `body` throws.
    private func withOpen<Value: Sendable>(
        _ body: (inout State) throws(BackendError) -> Value
    ) throws(BackendError) -> Value {
        do throws(BackendError) {
            return try state.withLock { state throws(BackendError) in
                try backend.checkNotDestroyed()
                guard !state.isEnded else {
                    throw BackendError(
                        .invalidArgument,
                        message: "the writer of \(path) was committed or aborted before: open a new one"
                    )
                }
                return try body(&state)
            }
        } catch {
            if error.code == .backendDestroyed { end() }
            throw error
        }
    }

    private func end() {
        let bytes = state.withLock { state in
            defer { state = State(isEnded: true) }
            return state.gathered.readableBytes
        }
        budget.release(bytes)
    }
}
