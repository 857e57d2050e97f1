import NIOCore

extension MemoryBackend {
    @concurrent
    public func glob(_ pattern: GlobPattern, options: GlobOptions) async throws(BackendError) -> FilePage {
        var gathering = FilePageGathering(options.room(callLimits))
        let next = try await walk(options.path, after: options.after) { entry in
            gathering.look()
            guard let inner = entry.path.relative(to: options.path), pattern.includes(inner, entry.info.kind, options)
            else { return !gathering.isFull }
            let info = options.withDetails ? entry.info : nil
            gathering.add(FoundFile(path: entry.path, kind: entry.info.kind, info: info))
            return !gathering.isFull
        }
        return gathering.finished(next: next, skipped: 0)
    }

    @concurrent
    public func tree(_ options: TreeOptions) async throws(BackendError) -> FilePage {
        var gathering = FilePageGathering(options.room(callLimits))
        let next = try await walk(options.path, after: options.after) { entry in
            gathering.look()
            let isDirectory = entry.contents == nil
            if let inner = entry.path.relative(to: options.path), options.reaches(inner, isDirectory: isDirectory) {
                let info = options.withDetails ? entry.info : nil
                gathering.add(FoundFile(path: entry.path, kind: entry.info.kind, info: info))
            }
            return !gathering.isFull
        }
        return gathering.finished(next: next, skipped: 0)
    }

    @concurrent
    public func grep(_ pattern: GrepPattern, options: GrepOptions) async throws(BackendError) -> GrepPage {
        var gathering = GrepGathering(options, callLimits)
        let matcher = LineMatcher(pattern, maximumSteps: callLimits.maximumGrepSteps)
        func search(_ path: WorkspacePath, _ contents: ByteBuffer) -> Bool {
            var search = gathering.search(pattern, options)
            contents.withUnsafeReadableBytes { search.add($0, matcher) }
            return gathering.add(search, of: path)
        }
        if case .done((_, let contents)) = tryRead(options.path, range: .all, maximum: .max) {
            _ = search(options.path, contents)
            return gathering.finish()
        }
        var hasRoom = true
        let next = try await walk(options.path, after: options.after) { entry in
            gathering.look()
            if let contents = entry.contents, let inner = entry.path.relative(to: options.path), options.reaches(inner)
            {
                hasRoom = search(entry.path, contents)
            }
            return hasRoom && !gathering.isFull
        }
        return gathering.finish(next: hasRoom ? next : gathering.lastPath)
    }

    @concurrent
    public func diskUsage(
        _ path: WorkspacePath,
        options: DiskUsageOptions
    ) async throws(BackendError) -> DiskUsage {
        try options.after?.checkLies(below: path)
        var usage = DiskUsage()
        let (file, isDirectory) = try withKey(path) { store, key throws(BackendError) in
            (store[key]?.info, store.hasKeys(below: key))
        }
        if let file, options.after == nil {
            usage.files += 1
            usage.bytes += file.size
        }
        if file == nil || isDirectory {
            var rest = options.mostEntries
            usage.next = try await walk(path, after: options.after) { entry in
                if entry.contents == nil { usage.directories += 1 } else { usage.files += 1 }
                usage.bytes += entry.info.size
                rest -= 1
                return rest > 0
            }
        }
        usage.allocatedBytes = usage.bytes
        return usage
    }

    /// A key, or a directory that keys imply.
    struct WalkedKey {
        let path: WorkspacePath
        let info: FileInfo
        /// Nil of a directory.
        let contents: ByteBuffer?
    }

    /// Calls `visit` with what lies below a path, in the order of names, until it says that this is enough. Returns
    /// where to go on then; nil: that was all. Holds the lock for some keys at a time. May take
    /// long: whoever calls it is on no event loop.
    ///
    /// - Parameter after: Only what comes after this path.
    func walk(
        _ path: WorkspacePath,
        after: WorkspacePath?,
        _ visit: (WalkedKey) throws(BackendError) -> Bool
    ) async throws(BackendError) -> WorkspacePath? {
        try after?.checkLies(below: path)
        var last = after
        while true {
            try Self.checkNotCancelled(path)
            let keys = try someKeys(below: path, after: last)
            guard !keys.isEmpty else { return nil }
            for key in keys {
                for directory in key.path.directories(below: path) where !directory.holds(last) {
                    last = directory
                    let info = FileInfo(kind: .directory, size: 0, modifiedNanoseconds: 0, permissions: 0o755)
                    guard try visit(WalkedKey(path: directory, info: info, contents: nil)) else { return last }
                }
                last = key.path
                guard try visit(key) else { return last }
            }
        }
    }

    private func someKeys(below path: WorkspacePath, after: WorkspacePath?) throws(BackendError) -> [WalkedKey] {
        try withKey(path) { store, key throws(BackendError) in
            try Self.check(path, isDirectoryIn: store, key: key)
            let (keys, _) = store.keys(
                below: key,
                prefix: [],
                after: after.map { prefix.appending($0).bytes } ?? [],
                limit: Self.keysAtATime
            )
            var walked: [WalkedKey] = []
            for key in keys {
                guard let file = store[key], let whole = try? WorkspacePath(key), let path = whole.relative(to: prefix)
                else { continue }
                walked.append(WalkedKey(path: path, info: file.info, contents: file.contents))
            }
            return walked
        }
    }

    private static func checkNotCancelled(_ path: WorkspacePath) throws(BackendError) {
        guard Task.isCancelled else { return }
        throw BackendError(.cancelled, message: "the call was cancelled while it worked on \(path)")
    }

    private static var keysAtATime: Int { 256 }
}

extension WorkspacePath {
    /// The directories between the one at `base` and this, the outermost first.
    fileprivate func directories(below base: WorkspacePath) -> [WorkspacePath] {
        var directories: [WorkspacePath] = []
        var path = self
        while let (parent, _) = path.parentAndName, parent != base, !parent.isRoot {
            directories.append(parent)
            path = parent
        }
        return directories.reversed()
    }

    /// Whether it is this path, or one above it.
    fileprivate func holds(_ inner: WorkspacePath?) -> Bool { inner?.relative(to: self) != nil }
}
