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
    private let budget: MemoryBudget
    private let path: WorkspacePath
    private let options: WriteOptions
    private let gathered = Mutex(ByteBuffer())

    init(backend: MemoryBackend, budget: MemoryBudget, path: WorkspacePath, options: WriteOptions) {
        self.backend = backend
        self.budget = budget
        self.path = path
        self.options = options
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try gathered.withLock { gathered throws(BackendError) in
            let count = gathered.readableBytes
            try budget.change(from: count, to: count + bytes.readableBytes)
            gathered.writeImmutableBuffer(bytes)
        }
    }

    func commit() async throws(BackendError) -> FileInfo {
        try backend.put(path, takeGathered(), options: options)
    }

    func abort() async {
        _ = takeGathered()
    }

    private func takeGathered() -> ByteBuffer {
        let bytes = gathered.withLock { gathered in
            let bytes = gathered
            gathered = ByteBuffer()
            return bytes
        }
        budget.release(bytes.readableBytes)
        return bytes
    }
}
