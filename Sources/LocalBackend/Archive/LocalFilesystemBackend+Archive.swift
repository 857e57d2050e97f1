public import AgentBackend
internal import Glibc
internal import NIOCore
internal import Synchronization

extension LocalFilesystemBackend {
    public func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions
    ) async throws(BackendError) -> any ArchiveReader {
        let archiving = try await perform(.readFailed, path) { files throws(DirectoryAccess.Failure) in
            try Archiving(path, options, files)
        }
        return LocalArchiveReader(backend: self, path: path, archiving)
    }

    public func openExtraction(
        into path: WorkspacePath,
        options: ExtractOptions
    ) async throws(BackendError) -> any ArchiveWriter {
        let file = try await perform(.writeFailed, path, isShort: true) { files throws(DirectoryAccess.Failure) in
            try files.makeTemporaryFile()
        }
        return LocalArchiveWriter(backend: self, file: file, path: path, options: options)
    }
}

/// Makes an archive while it is read: a turn on a file thread at a time, and none while nobody reads.
private final class LocalArchiveReader: ArchiveReader {
    private let backend: LocalFilesystemBackend
    private let path: WorkspacePath
    private let state: Mutex<State>

    private struct State {
        /// Nil: closed, or a turn has it.
        var archiving: Archiving?
        var summary = ArchiveSummary()
    }

    init(backend: LocalFilesystemBackend, path: WorkspacePath, _ archiving: Archiving) {
        (self.backend, self.path) = (backend, path)
        state = Mutex(State(archiving: archiving))
    }

    var summary: ArchiveSummary { state.withLock { $0.summary } }

    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        while let archiving = state.withLock({ $0.archiving.take() }) {
            let (next, piece) = try await backend.perform(.readFailed, path) {
                [archiving] files throws(DirectoryAccess.Failure) in
                var (archiving, turn) = (archiving, FileTurn())
                let piece = try archiving.advance(upTo: count, files, &turn)
                return (archiving, piece)
            }
            state.withLock { state in
                state.archiving = next.isFinished && piece == nil ? nil : next
                state.summary = next.summary
            }
            if let piece { return piece }
        }
        return nil
    }

    func close() async {
        state.withLock { $0.archiving = nil }
    }
}

/// Keeps an archive in a temporary file until all of it is there: neither a slow sender nor a long extraction holds a
/// file thread.
private final class LocalArchiveWriter: ArchiveWriter {
    private let backend: LocalFilesystemBackend
    private let path: WorkspacePath
    private let options: ExtractOptions
    private let state: Mutex<State>

    private enum State {
        /// With so many bytes. May become ended.
        case open(TemporaryFile, size: UInt64)
        /// Extracted or given up.
        case ended
    }

    init(backend: LocalFilesystemBackend, file: TemporaryFile, path: WorkspacePath, options: ExtractOptions) {
        (self.backend, self.path, self.options) = (backend, path, options)
        state = Mutex(.open(file, size: 0))
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        let (file, size) = try openFile()
        let sum = size + UInt64(bytes.readableBytes)
        try backend.settings.limits.archive.check(sent: sum)
        try await backend.change(path) { [path] files throws(DirectoryAccess.Failure) in
            // It takes nothing's place.
            try files.write(bytes, to: file, at: size, path, WriteOptions(mode: .createOnly))
        }
        state.withLock { state in
            if case .open = state { state = .open(file, size: sum) }
        }
    }

    func commit() async throws(BackendError) -> ExtractResult {
        let (file, size) = try openFile()
        let (path, options, limits) = (path, options, backend.settings.limits.archive)
        let source = FileArchiveSource(file: file.descriptor, count: size)
        // What is there is known before more is made.
        try await backend.change(path) { _ in }
        try await backend.performInTurns(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try ArchiveCheck(source, limits, into: path, files)
        }
        let result = try await backend.performInTurns(.writeFailed, path) { files throws(DirectoryAccess.Failure) in
            try Extraction(source, limits, into: path, options, files)
        }
        await abort()
        return result
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
        guard case .open(let file, let size) = state.withLock({ $0 }) else { throw .archiveIsDone }
        return (file, size)
    }
}

private struct FileArchiveSource: ArchiveSource {
    let file: FileDescriptorHandle
    let count: UInt64

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(BackendError) -> Int {
        while true {
            let result = pread(file.number, buffer.baseAddress, buffer.count, off_t(offset))
            if result >= 0 { return result }
            guard errno == EINTR else { throw BackendError(.writeFailed, errno: errno, .root) }
        }
    }
}
