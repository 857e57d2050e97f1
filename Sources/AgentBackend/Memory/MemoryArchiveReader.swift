import NIOCore
import Synchronization

/// Makes the archive of some keys while it is read.
final class MemoryArchiveReader: ArchiveReader {
    private let backend: MemoryBackend
    private let path: WorkspacePath
    private let options: ArchiveOptions
    private let single: MemoryStore.File?
    private let state: Mutex<State>

    private struct State {
        let encoder: ArchiveEncoder
        var summary = ArchiveSummary()
        /// Of the file that was begun.
        var rest = ByteBuffer()
        /// Where the walk goes on.
        var after: WorkspacePath?
        var isFinished = false
    }

    /// `file`: the only one there is; nil: it is a directory.
    init(
        backend: MemoryBackend,
        path: WorkspacePath,
        options: ArchiveOptions,
        encoder: ArchiveEncoder,
        file: MemoryStore.File?
    ) {
        (self.backend, self.path, self.options, single) = (backend, path, options, file)
        state = Mutex(State(encoder: encoder))
    }

    var summary: ArchiveSummary { state.withLock { $0.summary } }

    @concurrent
    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        while true {
            let taken = state.withLock { state -> ByteBuffer?? in
                if let piece = state.encoder.take(upTo: count) { return piece }
                return state.isFinished ? .some(nil) : nil
            }
            if let taken { return taken }
            try await goOn()
        }
    }

    func close() async {
        state.withLock { state in
            state.isFinished = true
            state.rest = ByteBuffer()
        }
    }

    /// Adds to what was made, until that is a piece worth sending or there is no more.
    private func goOn() async throws(BackendError) {
        if try state.withLock({ state throws(BackendError) in try Self.addRest(&state) }) { return }
        if let single {
            let name = path.parentAndName?.name ?? []
            return try state.withLock { state throws(BackendError) in
                guard state.summary.entries == 0 else { return try Self.finish(&state) }
                try begin(try WorkspacePath(joining: [name]), single.info, single.contents, &state)
            }
        }
        let after = state.withLock { $0.after }
        let next = try await backend.walk(path, after: after) { key throws(BackendError) in
            try state.withLock { state throws(BackendError) in
                guard let inner = key.path.relative(to: path),
                    !options.excludesAny(of: inner, isDirectory: key.contents == nil)
                else { return true }
                try begin(inner, key.info, key.contents, &state)
                return try !Self.addRest(&state)
            }
        }
        try state.withLock { state throws(BackendError) in
            state.after = next
            if next == nil, state.rest.readableBytes == 0 { try Self.finish(&state) }
        }
    }

    private static func finish(_ state: inout State) throws(BackendError) {
        guard !state.isFinished else { return }
        try state.encoder.finish()
        state.isFinished = true
    }

    private func begin(
        _ inner: WorkspacePath,
        _ info: FileInfo,
        _ contents: ByteBuffer?,
        _ state: inout State
    ) throws(BackendError) {
        state.summary.entries += 1
        state.summary.bytes += info.size
        try backend.archiveLimits.check(state.summary)
        try state.encoder.begin(
            ArchivedEntry(
                path: inner,
                content: contents == nil ? .directory : .file(size: info.size),
                permissions: info.permissions,
                modifiedNanoseconds: info.modifiedNanoseconds
            )
        )
        state.rest = contents ?? ByteBuffer()
    }

    /// True: that is enough for once.
    private static func addRest(_ state: inout State) throws(BackendError) -> Bool {
        while state.encoder.count < pieceLength, state.rest.readableBytes > 0 {
            guard let piece = state.rest.readSlice(length: min(pieceLength, state.rest.readableBytes)) else { break }
            try piece.withUnsafeReadableBytes { bytes throws(BackendError) in try state.encoder.write(bytes) }
        }
        return state.encoder.count >= pieceLength || state.rest.readableBytes > 0
    }

    private static let pieceLength = 256 << 10
}
