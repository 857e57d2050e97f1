package import NIOCore

/// Nothing here ever waits, but for reads of more than the caller takes at once, and for changes of so many keys that
/// they take long.
extension MemoryBackend: NonBlockingOperations {
    package func tryRead(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) -> NonBlocking<(FileInfo, ByteBuffer)> {
        let answer = NonBlocking { () throws(BackendError) in try read(path, range: range) }
        if case .done((_, let contents)) = answer, contents.readableBytes > maximum { return .wouldBlock }
        return answer
    }

    package func tryStat(_ path: WorkspacePath, followLink: Bool) -> NonBlocking<FileInfo> {
        NonBlocking { () throws(BackendError) in try info(path) }
    }

    package func tryWrite(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) -> NonBlocking<FileInfo> {
        NonBlocking { () throws(BackendError) in try put(path, bytes, options: options) }
    }

    package func tryReaddir(_ path: WorkspacePath, options: ReaddirOptions) -> NonBlocking<DirectoryPage> {
        NonBlocking { () throws(BackendError) in try list(path, options: options) }
    }

    package func tryRemove(_ path: WorkspacePath, options: RemoveOptions) -> NonBlocking<Void> {
        guard !options.recursive || hasFewKeys(path) else { return .wouldBlock }
        return NonBlocking { () throws(BackendError) in try remove(path, options: options) }
    }

    package func tryMkdir(_ path: WorkspacePath, options: MkdirOptions) -> NonBlocking<Void> {
        NonBlocking { () throws(BackendError) in try checkNotDestroyed() }
    }

    package func tryTouch(_ path: WorkspacePath) -> NonBlocking<FileInfo> {
        NonBlocking { () throws(BackendError) in try touchKey(path) }
    }

    package func tryRename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) -> NonBlocking<Void> {
        guard hasFewKeys(path) else { return .wouldBlock }
        return NonBlocking { () throws(BackendError) in try move(path, to: destination, options: options) }
    }

    package func tryCopy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) -> NonBlocking<CopyResult> {
        guard !options.recursive || (hasFewKeys(path) && hasFewKeys(destination)) else { return .wouldBlock }
        return NonBlocking { () throws(BackendError) in try duplicate(path, to: destination, options: options) }
    }

    package func tryListKeys(prefix: [UInt8], options: ListKeysOptions) -> NonBlocking<KeyPage> {
        NonBlocking { () throws(BackendError) in try keyPage(prefix, options: options) }
    }

    package func tryDeleteKey(_ key: WorkspacePath) -> NonBlocking<Bool> {
        NonBlocking { () throws(BackendError) in try removeKey(key) }
    }

    package func tryClearKeys() -> NonBlocking<Int> {
        guard hasFewKeys(.root) else { return .wouldBlock }
        return NonBlocking { () throws(BackendError) in try removeKeys() }
    }

    /// Whether a caller that must not wait can have all of them changed, at and below the path. One of a destroyed
    /// backend is refused soon enough.
    private func hasFewKeys(_ path: WorkspacePath) -> Bool {
        let count = try? withKey(path) { store, key throws(BackendError) in store.count(atOrBelow: key) }
        return count ?? 0 <= Self.maximumKeysOnTheSpot
    }

    /// Well below a millisecond's work.
    private static var maximumKeysOnTheSpot: Int { 512 }
}

extension NonBlocking {
    /// Where it would block: what `body` comes to, on no event loop.
    func orElsewhere(_ body: @Sendable () throws(BackendError) -> Value) async throws(BackendError) -> Value {
        switch self {
        case .done(let value): return value
        case .failed(let error): throw error
        case .wouldBlock: return try await Self.elsewhere(body)
        }
    }

    @concurrent
    private static func elsewhere(
        _ body: @Sendable () throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        try body()
    }
}
