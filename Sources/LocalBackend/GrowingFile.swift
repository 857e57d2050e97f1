internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// A temporary file that grows from front to back, until it is taken or given up. Safe to use from any thread.
final class GrowingFile: Sendable {
    private enum State {
        /// With so many bytes. May become ended.
        case open(TemporaryFile, size: UInt64)
        /// Taken or given up.
        case ended
    }

    private let backend: LocalFilesystemBackend
    private let path: WorkspacePath
    private let ended: BackendError
    private let state: Mutex<State>

    /// - Parameters:
    ///   - path: What it is for.
    ///   - ended: Thrown where it is used once it was taken or given up.
    init(_ file: TemporaryFile, of backend: LocalFilesystemBackend, for path: WorkspacePath, ended: BackendError) {
        (self.backend, self.path, self.ended) = (backend, path, ended)
        state = Mutex(.open(file, size: 0))
    }

    /// Adds to it. Where that fails it is as it was.
    ///
    /// - Parameter options: How it is to take its place.
    func add(_ bytes: ByteBuffer, _ options: WriteOptions) async throws(BackendError) {
        let (file, size) = try open()
        try await backend.change(path) { [path] files throws(DirectoryAccess.Failure) in
            try files.write(bytes, to: file, at: size, path, options)
        }
        state.withLock { state in
            if case .open = state { state = .open(file, size: size + UInt64(bytes.readableBytes)) }
        }
    }

    func open() throws(BackendError) -> (file: TemporaryFile, size: UInt64) {
        guard case .open(let file, let size) = state.withLock({ $0 }) else { throw ended }
        return (file, size)
    }

    /// It took its place.
    func wasTaken() {
        state.withLock { $0 = .ended }
    }

    /// Removes it. Idempotent, and nothing once it was taken.
    func giveUp() async {
        let file = state.withLock { state -> TemporaryFile? in
            guard case .open(let file, _) = state else { return nil }
            state = .ended
            return file
        }
        guard let file else { return }
        // Also in a task that was cancelled, which is where most of this comes from.
        await backend.settings.threads.runAlways { file.remove() }
    }
}
