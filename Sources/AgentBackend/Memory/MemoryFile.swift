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
/// never ends is bounded too.
final class MemoryFileWriter: FileWriter {
    private let backend: MemoryBackend
    private let path: WorkspacePath
    private let options: WriteOptions
    private let gathered = Mutex(ByteBuffer())

    private var budget: MemoryBudget { backend.storage.budget }

    init(backend: MemoryBackend, path: WorkspacePath, options: WriteOptions) {
        self.backend = backend
        self.path = path
        self.options = options
    }

    deinit {
        budget.release(takeGathered().readableBytes)
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try backend.checkNotDestroyed()
        try gathered.withLock { gathered throws(BackendError) in
            let count = gathered.readableBytes
            try backend.check(count + bytes.readableBytes, path)
            try budget.change(from: count, to: count + bytes.readableBytes)
            gathered.writeImmutableBuffer(bytes)
        }
    }

    func commit() async throws(BackendError) -> FileInfo {
        let bytes = takeGathered()
        do throws(BackendError) {
            return try backend.put(path, bytes, options: options, reserved: bytes.readableBytes)
        } catch {
            budget.release(bytes.readableBytes)
            throw error
        }
    }

    func abort() async {
        budget.release(takeGathered().readableBytes)
    }

    private func takeGathered() -> ByteBuffer {
        gathered.withLock { gathered in
            let bytes = gathered
            gathered = ByteBuffer()
            return bytes
        }
    }
}
