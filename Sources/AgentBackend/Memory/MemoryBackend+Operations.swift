import NIOCore

extension MemoryBackend {
    func read(_ path: WorkspacePath, range: ReadRange) throws(BackendError) -> (FileInfo, ByteBuffer) {
        try withKey(path) { store, key throws(BackendError) in
            guard let file = store[key] else { throw Self.notFound(path, in: store, key: key) }
            let size = file.contents.readableBytes
            let start = Int(min(range.offset, UInt64(size)))
            let length = Int(min(range.length ?? .max, UInt64(size - start)))
            let first = file.contents.readerIndex + start
            return (file.info, file.contents.getSlice(at: first, length: length) ?? ByteBuffer())
        }
    }

    func info(_ path: WorkspacePath) throws(BackendError) -> FileInfo {
        try withKey(path) { store, key throws(BackendError) in
            if let info = store.info(at: key) { return info }
            // A scope's root is there as soon as the scope is.
            guard path.isRoot else { throw Self.notFound(path, in: store, key: key) }
            return FileInfo(kind: .directory, size: 0, modifiedNanoseconds: 0, permissions: 0o755)
        }
    }

    /// `reserved` bytes count against the budget already; the caller's no more where this succeeds. With them come
    /// bytes that nobody else holds.
    func put(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions,
        reserved: Int? = nil
    ) throws(BackendError) -> FileInfo {
        guard !path.isRoot else {
            throw BackendError(.writeFailed, reason: .isDirectory, message: "\(path) is the root: name a file below it")
        }
        return try withKey(path) { store, key throws(BackendError) in
            try Self.check(keyLength: key.count, path)
            let old = store[key]?.info
            if let expected = options.expectedEtag, expected != old?.etag {
                throw .versionConflict(path, current: old?.etag)
            }
            if options.mode == .createOnly, old != nil {
                throw BackendError(
                    .writeFailed,
                    reason: .exists,
                    message: "\(path) is there already: replace it, or choose another name"
                )
            }
            let oldCount = Int(old?.size ?? 0)
            let newCount = bytes.readableBytes + (options.mode == .append ? oldCount : 0)
            try check(newCount, path)
            try storage.budget.change(
                from: (old == nil ? 0 : MemoryStore.cost(ofKey: key, contents: oldCount)) + (reserved ?? 0),
                to: MemoryStore.cost(ofKey: key, contents: newCount)
            )
            let now = storage.wallClock()
            let etag = store.makeEtag()
            if options.mode == .append,
                let info = store.append(bytes, to: key, modifiedNanoseconds: now, etag: etag)
            {
                return info
            }
            // What the network gave is copied: a slice of it would keep all of it alive.
            let file = MemoryStore.File(
                contents: reserved == nil ? ByteBuffer(bytes: bytes.readableBytesView) : bytes,
                modifiedNanoseconds: now,
                permissions: old?.permissions ?? options.permissions & 0o7777,
                etag: etag
            )
            store.set(key, to: file)
            return file.info
        }
    }

    func list(_ path: WorkspacePath, options: ReaddirOptions) throws(BackendError) -> DirectoryPage {
        try withKey(path) { store, key throws(BackendError) in
            try Self.check(path, isDirectoryIn: store, key: key)
            let asked = options.limit > 0 ? options.limit : maximumReaddirEntries
            let (names, isTruncated) = store.names(
                in: key,
                after: options.after,
                limit: min(asked, maximumReaddirEntries)
            )
            let entries = names.map { name in
                let below = key.isEmpty ? name : key + [UInt8(ascii: "/")] + name
                return DirectoryEntry(name: name, info: options.withDetails ? store.info(at: below) : nil)
            }
            return DirectoryPage(entries: entries, isTruncated: isTruncated)
        }
    }

    /// Throws `LS_FAILED` for a path that no key lies below, and that is not the root.
    static func check(_ path: WorkspacePath, isDirectoryIn store: MemoryStore, key: [UInt8]) throws(BackendError) {
        guard path.isRoot || store.hasKeys(below: key) else {
            let isFile = store[key] != nil
            throw BackendError(
                .lsFailed,
                reason: isFile ? .notDirectory : .notFound,
                message: isFile
                    ? "\(path) is a key, with nothing below it: list a path above it"
                    : "no key begins with \(path)/: list a path above it"
            )
        }
    }

    func remove(_ path: WorkspacePath, options: RemoveOptions) throws(BackendError) {
        try withKey(path) { store, key throws(BackendError) in
            let isMissing = store[key] == nil && !store.hasKeys(below: key)
            if let expected = options.expectedEtag, store[key]?.etag != expected, !(isMissing && options.force) {
                throw .versionConflict(path, current: store[key]?.etag)
            }
            if !options.recursive, store[key] == nil, store.hasKeys(below: key) {
                throw BackendError(
                    .writeFailed,
                    reason: .notEmpty,
                    message: "keys lie below \(path): remove it recursively, or those first"
                )
            }
            let before = store.cost
            let removed = store.remove(key, below: options.recursive)
            storage.budget.release(before - store.cost)
            if removed == 0, !options.force, !path.isRoot { throw Self.notFound(path, in: store, key: key) }
        }
    }

    /// Throws `WRITE_FAILED` for more bytes than a key can hold.
    func check(_ count: Int, _ path: WorkspacePath) throws(BackendError) {
        let allowed = storage.maximumFileBytes
        guard count <= allowed else {
            throw BackendError(
                .writeFailed,
                reason: .tooLarge,
                message: "\(path) would hold \(count) bytes, and a key in memory holds \(allowed) at most: "
                    + "spread them over several keys, or use a local-filesystem backend",
                limit: LimitDetails(name: "memory_key_bytes", used: UInt64(count), allowed: UInt64(allowed))
            )
        }
    }

    /// Throws `INVALID_ARGUMENT` for a key that, with the scopes around it, is longer than a path can be: no listing of
    /// the backend itself could name it.
    static func check(keyLength length: Int, _ path: WorkspacePath) throws(BackendError) {
        guard length <= WorkspacePath.maximumLength else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "\(path) would make a key of \(length) bytes, with the scopes around it: at most "
                    + "\(WorkspacePath.maximumLength) work"
            )
        }
    }

    func withKey<Value>(
        _ path: WorkspacePath,
        _ body: (inout MemoryStore, [UInt8]) throws(BackendError) -> sending Value
    ) throws(BackendError) -> sending Value {
        try checkNotDestroyed()
        let key = prefix.appending(path).bytes
        return try storage.withStore { store throws(BackendError) in try body(&store, key) }
    }

    static func notFound(_ path: WorkspacePath, in store: MemoryStore, key: [UInt8]) -> BackendError {
        let isDirectory = store.hasKeys(below: key)
        return BackendError(
            .keyNotFound,
            reason: isDirectory ? .isDirectory : .notFound,
            message: isDirectory
                ? "\(path) is no key, but keys lie below it: name one of them"
                : "there is no key \(path): check its name, or write it first"
        )
    }
}
