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
    private let file: GrowingFile

    init(backend: LocalFilesystemBackend, file: TemporaryFile, path: WorkspacePath, options: ExtractOptions) {
        (self.backend, self.path, self.options) = (backend, path, options)
        self.file = GrowingFile(file, of: backend, for: path, ended: .archiveIsDone)
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try backend.settings.limits.archive.check(sent: try file.open().size + UInt64(bytes.readableBytes))
        // It takes nothing's place.
        try await file.add(bytes, WriteOptions(mode: .createOnly))
    }

    func commit() async throws(BackendError) -> ExtractResult {
        let (archive, size) = try file.open()
        let (path, options, limits) = (path, options, backend.settings.limits.archive)
        let source = FileArchiveSource(file: archive.descriptor, count: size)
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
        await file.giveUp()
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
