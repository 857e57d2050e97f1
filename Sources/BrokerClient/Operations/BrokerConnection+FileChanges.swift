public import AgentBackend

extension BrokerConnection {
    /// Whether something is at a path, a symbolic link followed. Never throws for what is missing.
    public func exists(
        _ path: WorkspacePath,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        try await perform(.exists(path), on: target, call: options)
    }

    /// Makes a directory. Throws `WRITE_FAILED` with a reason.
    public func mkdir(
        _ path: WorkspacePath,
        options: MkdirOptions = MkdirOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.mkdir(path, options: options), on: target, call: callOptions)
    }

    /// Makes an empty file, with its parents, or sets the modification time of what is there; never overwrites.
    @discardableResult
    public func touch(
        _ path: WorkspacePath,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        try await perform(.touch(path), on: target, call: options)
    }

    /// Gives a file, link or directory another name, in one step; makes the parents of the new one.
    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions = RenameOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.rename(path, to: destination, options: options), on: target, call: callOptions)
    }

    /// Copies a file, or a directory with all that is in it, on the broker; makes the parents of the destination.
    @discardableResult
    public func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions = CopyOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> CopyResult {
        try await perform(.copy(path, to: destination, options: options), on: target, call: callOptions)
    }

    /// Replaces texts in a file, one edit after the other, and all of them or none. Throws `READ_FAILED` or
    /// `WRITE_FAILED` with a reason: `NO_MATCH` and `NOT_UNIQUE` with ``BackendError/editMismatch``.
    @discardableResult
    public func edit(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions = EditOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> EditResult {
        try await perform(.edit(path, edits, options: options), on: target, call: callOptions)
    }

    /// Gives a file or directory permission bits, 0 to 0o777; a symbolic link is followed.
    @discardableResult
    public func chmod(
        _ path: WorkspacePath,
        permissions: UInt32,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        try await perform(.chmod(path, permissions: permissions), on: target, call: options)
    }

    /// Makes a symbolic link, and its parents, to a place inside. Throws `WRITE_FAILED` with reason `EXISTS` where
    /// something has the link's name, `PATH_ESCAPE_ATTEMPT` for a place outside.
    public func symlink(
        _ path: WorkspacePath,
        to linkTarget: LinkTarget,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.symlink(path, to: linkTarget), on: target, call: options)
    }
}
