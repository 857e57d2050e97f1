public import NIOCore

// The operations by the names and defaults that most callers want. All throw what the operation itself throws, and
// `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for a text that is no path of the scope.
extension Backend {
    /// The whole file, or a range of it, as text. Bytes that are no UTF-8 are `READ_FAILED` with reason `NOT_TEXT`.
    public func readText(
        _ path: String,
        range: ReadRange = .all,
        maximum: Int = 64 << 20
    ) async throws(BackendError) -> String {
        let path = try WorkspacePath(path)
        let contents = try await read(path, range: range, maximum: maximum)
        guard let text = String(validating: contents.readableBytesView, as: UTF8.self) else {
            throw BackendError(
                .readFailed,
                reason: .notText,
                message: "\(path) is no UTF-8 text: read it as bytes",
                operation: "read"
            )
        }
        return text
    }

    /// The whole file, or a range of it, as bytes.
    public func read(
        _ path: String,
        range: ReadRange = .all,
        maximum: Int = 64 << 20
    ) async throws(BackendError) -> ByteBuffer {
        try await read(try WorkspacePath(path), range: range, maximum: maximum)
    }

    /// Some lines of a file, and how many it has.
    public func readLines(
        _ path: String,
        offset: UInt64 = 0,
        limit: UInt64? = nil
    ) async throws(BackendError) -> LinePage {
        try await readLines(try WorkspacePath(path), window: LineWindow(offset: offset, limit: limit))
    }

    /// Several files from their start on, each with what it would be answered with alone.
    public func readMany(
        _ paths: [String],
        options: ReadManyOptions = ReadManyOptions()
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        try await readMany(try paths.map { path throws(BackendError) in try WorkspacePath(path) }, options: options)
    }

    public func statMany(
        _ paths: [String],
        followLink: Bool = true
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        let paths = try paths.map { path throws(BackendError) in try WorkspacePath(path) }
        return try await statMany(paths, followLink: followLink)
    }

    @discardableResult
    public func write(
        _ path: String,
        _ text: String,
        options: WriteOptions = WriteOptions()
    ) async throws(BackendError) -> FileInfo {
        try await write(try WorkspacePath(path), ByteBuffer(string: text), options: options)
    }

    @discardableResult
    public func write(
        _ path: String,
        _ bytes: ByteBuffer,
        options: WriteOptions = WriteOptions()
    ) async throws(BackendError) -> FileInfo {
        try await write(try WorkspacePath(path), bytes, options: options)
    }

    @discardableResult
    public func edit(
        _ path: String,
        _ edits: [TextEdit],
        options: EditOptions = EditOptions()
    ) async throws(BackendError) -> EditResult {
        try await edit(try WorkspacePath(path), edits, options: options)
    }

    /// All names in a directory, a page at a time, each as it is opened again. One that is no UTF-8 is `LS_FAILED` with
    /// reason `NOT_TEXT`: ``readdir(_:options:)`` lists any.
    public func readdir(_ path: String) async throws(BackendError) -> [String] {
        let path = try WorkspacePath(path)
        var names: [String] = []
        var options = ReaddirOptions()
        while true {
            let page = try await readdir(path, options: options)
            for entry in page.entries {
                guard let name = entry.text else { throw .notText(entry.name, "readdir") }
                names.append(name)
            }
            guard page.isTruncated, let last = page.entries.last else { return names }
            options.after = last.name
        }
    }

    /// The paths of all files in a directory that match a pattern, as seen from the root of the scope, in the order of
    /// their names. Holds all of them. One that is no UTF-8 is `LS_FAILED` with reason `NOT_TEXT`:
    /// ``glob(_:options:)`` lists any.
    public func glob(_ pattern: String, in directory: String = "") async throws(BackendError) -> [String] {
        let pattern = try GlobPattern(pattern)
        var options = GlobOptions(path: try WorkspacePath(directory))
        var paths: [String] = []
        repeat {
            let page = try await glob(pattern, options: options)
            for file in page.files {
                guard let path = String(validating: file.path.bytes, as: UTF8.self) else {
                    throw .notText(file.path.bytes, "glob")
                }
                paths.append(path)
            }
            options.after = page.next
        } while options.after != nil
        return paths
    }

    /// Lines with this text in them, of all files in a directory or of one file: the first page of them.
    public func grep(_ text: String, in path: String = "") async throws(BackendError) -> GrepPage {
        try await grep(try GrepPattern(text), options: GrepOptions(path: try WorkspacePath(path)))
    }

    /// All that is in a directory, or one file, counted.
    public func diskUsage(_ path: String = "") async throws(BackendError) -> DiskUsage {
        let path = try WorkspacePath(path)
        var usage = try await diskUsage(path, options: DiskUsageOptions())
        while let next = usage.next {
            usage.add(try await diskUsage(path, options: DiskUsageOptions(after: next)))
        }
        return usage
    }

    /// Watches a directory and what is in it from now on.
    public func watch(_ path: String = "") async throws(BackendError) -> FileWatch {
        try await watch(WatchOptions(path: try WorkspacePath(path)))
    }

    public func stat(_ path: String) async throws(BackendError) -> FileInfo {
        try await stat(try WorkspacePath(path), followLink: true)
    }

    public func exists(_ path: String) async throws(BackendError) -> Bool {
        try await exists(try WorkspacePath(path))
    }

    public func mkdir(_ path: String, recursive: Bool = true) async throws(BackendError) {
        try await mkdir(try WorkspacePath(path), options: MkdirOptions(recursive: recursive))
    }

    @discardableResult
    public func touch(_ path: String) async throws(BackendError) -> FileInfo {
        try await touch(try WorkspacePath(path))
    }

    @discardableResult
    public func chmod(_ path: String, permissions: UInt32) async throws(BackendError) -> FileInfo {
        try await chmod(try WorkspacePath(path), permissions: permissions)
    }

    public func symlink(_ path: String, to target: String) async throws(BackendError) {
        try await symlink(try WorkspacePath(path), to: try LinkTarget(target))
    }

    public func rename(_ path: String, to destination: String) async throws(BackendError) {
        try await rename(try WorkspacePath(path), to: try WorkspacePath(destination), options: RenameOptions())
    }

    @discardableResult
    public func copy(
        _ path: String,
        to destination: String,
        recursive: Bool = false
    ) async throws(BackendError) -> CopyResult {
        try await copy(
            try WorkspacePath(path),
            to: try WorkspacePath(destination),
            options: CopyOptions(recursive: recursive)
        )
    }

    public func rm(_ path: String, recursive: Bool = false, force: Bool = false) async throws(BackendError) {
        try await rm(try WorkspacePath(path), options: RemoveOptions(recursive: recursive, force: force))
    }

    /// All keys that begin with `prefix`, of a memory backend. One that is no UTF-8 is `LS_FAILED` with reason
    /// `NOT_TEXT`: ``listKeys(prefix:options:)`` lists any.
    public func listKeys(_ prefix: String = "") async throws(BackendError) -> [String] {
        var keys: [String] = []
        var options = ListKeysOptions()
        while true {
            let page = try await listKeys(prefix: Array(prefix.utf8), options: options)
            for key in page.keys {
                guard let text = String(validating: key.bytes, as: UTF8.self) else {
                    throw .notText(key.bytes, "list_keys")
                }
                keys.append(text)
            }
            guard page.isTruncated, let last = page.keys.last else { return keys }
            options.after = last.bytes
        }
    }

    /// With the environment and the operations logger of what it is a scope of.
    public func scope(_ path: WorkspacePath) throws(BackendError) -> any Backend {
        try scope(path, configuration: ScopeConfiguration())
    }

    public func scope(
        _ path: String,
        configuration: ScopeConfiguration = ScopeConfiguration()
    ) throws(BackendError) -> any Backend {
        try scope(try WorkspacePath(path), configuration: configuration)
    }
}

extension BackendError {
    fileprivate static func notText(_ name: [UInt8], _ operation: String) -> BackendError {
        BackendError(
            .lsFailed,
            reason: .notText,
            message: "\(WorkspacePath.printable(name)) is no UTF-8 text: list names as bytes",
            operation: operation
        )
    }
}
