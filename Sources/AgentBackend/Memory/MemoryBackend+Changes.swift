import NIOCore

// What changes keys other than by their contents.
extension MemoryBackend {
    /// Makes an empty key, or sets the time of one that is there.
    func touchKey(_ path: WorkspacePath) throws(BackendError) -> FileInfo {
        let isTouched = try withKey(path) { store, key throws(BackendError) -> FileInfo? in
            guard var file = store[key] else { return store.info(at: key) }
            file.modifiedNanoseconds = storage.wallClock()
            file.etag = store.makeEtag()
            store.set(key, to: file)
            return file.info
        }
        if let isTouched { return isTouched }
        return try put(path, ByteBuffer(), options: WriteOptions(mode: .append))
    }

    /// Of a key: directories that keys imply have those that they have.
    func changePermissions(_ path: WorkspacePath, to permissions: UInt32) throws(BackendError) -> FileInfo {
        try BackendError.checkPermissions(permissions)
        return try withKey(path) { store, key throws(BackendError) in
            guard var file = store[key] else {
                guard store.info(at: key) != nil else { throw Self.notFound(path, in: store, key: key) }
                throw BackendError(
                    .writeFailed,
                    reason: .isDirectory,
                    message: "\(path) is no key, but keys lie below it: give those permissions"
                )
            }
            file.permissions = permissions
            file.etag = store.makeEtag()
            store.set(key, to: file)
            return file.info
        }
    }

    /// Gives a key and all below it another name.
    func move(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) throws(BackendError) {
        try withTransfer(
            path,
            to: destination,
            replacesExisting: options.replacesExisting,
            expecting: options.expectedEtag
        ) { store, source, target throws(BackendError) in
            guard source != target else { return }
            try Self.check(source, fits: target, in: store, destination)
            guard !store.hasKeys(below: target) else {
                throw BackendError(
                    .writeFailed,
                    reason: .notEmpty,
                    message: "keys lie below \(destination): remove them first, or choose another name"
                )
            }
            let keys = store.keys(atOrBelow: source)
            // Names may get longer.
            let longer = target.count - source.count
            try Self.check(keyLength: (keys.lazy.map(\.count).max() ?? 0) + longer, destination)
            let replaced =
                store[target].map { MemoryStore.cost(ofKey: target, contents: $0.contents.readableBytes) } ?? 0
            try storage.budget.change(by: longer * keys.count - replaced)
            store.move(source, to: target)
        }
    }

    /// Copies a key or, where that is asked for, a path with all keys below it.
    func duplicate(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) throws(BackendError) -> CopyResult {
        try withTransfer(
            path,
            to: destination,
            replacesExisting: options.replacesExisting,
            expecting: options.expectedEtag
        ) { store, source, target throws(BackendError) in
            guard options.recursive || store[source] != nil else {
                throw BackendError(
                    .writeFailed,
                    reason: .isDirectory,
                    message: "\(path) is no key, but keys lie below it: copy it recursively"
                )
            }
            try Self.check(source, fits: target, in: store, destination)
            let keys = options.recursive ? store.keys(atOrBelow: source) : [source]
            let copies = keys.compactMap { key in
                store[key].map { (key: target + key.dropFirst(source.count), file: $0) }
            }
            try Self.check(keyLength: copies.lazy.map(\.key.count).max() ?? 0, destination)
            if !options.replacesExisting, copies.contains(where: { store[$0.key] != nil }) {
                throw Self.exists(destination)
            }
            let growth = copies.reduce(0) { growth, copy in
                let replaced = store[copy.key]?.contents.readableBytes
                return growth + MemoryStore.cost(ofKey: copy.key, contents: copy.file.contents.readableBytes)
                    - (replaced.map { MemoryStore.cost(ofKey: copy.key, contents: $0) } ?? 0)
            }
            try storage.budget.change(by: growth)
            var result = CopyResult(files: 0, bytes: 0)
            let made = copies.map { copy in
                var file = copy.file
                file.modifiedNanoseconds = storage.wallClock()
                file.etag = store.makeEtag()
                result.files += 1
                result.bytes += UInt64(file.contents.readableBytes)
                return (key: copy.key, file: file)
            }
            // One key needs no look at what lies below it.
            if made.count == 1 { store.set(made[0].key, to: made[0].file) } else { store.set(made, atOrBelow: target) }
            return result
        }
    }

    /// Checks what holds for both.
    private func withTransfer<Value>(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        replacesExisting: Bool,
        expecting expected: Etag?,
        _ body: (inout MemoryStore, _ source: [UInt8], _ target: [UInt8]) throws(BackendError) -> sending Value
    ) throws(BackendError) -> sending Value {
        let target = prefix.appending(destination).bytes
        return try withKey(path) { store, source throws(BackendError) in
            if let expected, store[source]?.etag != expected {
                throw .versionConflict(path, current: store[source]?.etag)
            }
            guard store.count(atOrBelow: source) > 0 else { throw Self.notFound(path, in: store, key: source) }
            guard !path.isRoot, !destination.isRoot else {
                throw BackendError(
                    .writeFailed,
                    reason: .busy,
                    message: "the root itself stays where it is: name what is in it"
                )
            }
            guard target == source || destination.relative(to: path) == nil else {
                throw BackendError(
                    .invalidArgument,
                    message: "\(destination) lies below \(path) itself: choose a place outside of it"
                )
            }
            if !replacesExisting, store[target] != nil { throw Self.exists(destination) }
            return try body(&store, source, target)
        }
    }

    /// As rename(2): a file is no place for what is a directory alone.
    private static func check(
        _ source: [UInt8],
        fits target: [UInt8],
        in store: MemoryStore,
        _ destination: WorkspacePath
    ) throws(BackendError) {
        guard store[source] != nil || store[target] == nil else {
            throw BackendError(
                .writeFailed,
                reason: .notDirectory,
                message: "\(destination) is a key, and what is to go there is none: remove that key first, or choose "
                    + "another name"
            )
        }
    }

    private static func exists(_ path: WorkspacePath) -> BackendError {
        BackendError(
            .writeFailed,
            reason: .exists,
            message: "\(path) is there already: replace it, or choose another name"
        )
    }

    // MARK: Keys

    func keyPage(_ given: [UInt8], options: ListKeysOptions) throws(BackendError) -> KeyPage {
        let inner = WorkspacePath.withoutRoot(given[...])
        let asked = options.limit > 0 ? options.limit : maximumReaddirEntries
        return try withKey(.root) { store, root throws(BackendError) in
            let above = root.isEmpty ? [] : root + [UInt8(ascii: "/")]
            let (keys, isTruncated) = store.keys(
                below: root,
                prefix: above + inner,
                after: options.after.isEmpty ? [] : above + options.after,
                limit: min(asked, maximumReaddirEntries)
            )
            return KeyPage(
                keys: try keys.map { key throws(BackendError) in try WorkspacePath(Array(key.dropFirst(above.count))) },
                isTruncated: isTruncated
            )
        }
    }

    func removeKey(_ key: WorkspacePath) throws(BackendError) -> Bool {
        try removeCounting(key, below: false) > 0
    }

    /// All of this view.
    func removeKeys() throws(BackendError) -> Int {
        try removeCounting(.root, below: true)
    }

    private func removeCounting(_ path: WorkspacePath, below: Bool) throws(BackendError) -> Int {
        try withKey(path) { store, key throws(BackendError) in
            let before = store.cost
            let removed = store.remove(key, below: below)
            storage.budget.release(before - store.cost)
            return removed
        }
    }
}
