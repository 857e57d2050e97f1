public import AgentBackend
internal import BrokerWire

extension BrokerConnection {
    /// Whether something is at a path, a symbolic link followed. Never throws for what is missing.
    public func exists(
        _ path: WorkspacePath,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        let exists = Operation.exists(Exists(path: path.bytes))
        guard case .exists(let isThere) = try await unary(exists, on: target, call: options).reply else {
            throw .strangeAnswer(to: exists.name)
        }
        return isThere
    }

    /// Makes a directory. Throws `WRITE_FAILED` with a reason.
    public func mkdir(
        _ path: WorkspacePath,
        options: MkdirOptions = MkdirOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        let mkdir = Operation.mkdir(Mkdir(path: path.bytes, options: options))
        guard case .mkdir = try await unary(mkdir, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: mkdir.name)
        }
    }

    /// Makes an empty file, with its parents, or sets the modification time of what is there; never overwrites.
    @discardableResult
    public func touch(
        _ path: WorkspacePath,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        let touch = Operation.touch(Touch(path: path.bytes))
        guard case .touch(let info) = try await unary(touch, on: target, call: options).reply else {
            throw .strangeAnswer(to: touch.name)
        }
        return info
    }

    /// Gives a file, link or directory another name, in one step; makes the parents of the new one.
    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions = RenameOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        let rename = Operation.rename(Rename(path: path.bytes, destination: destination.bytes, options: options))
        guard case .rename = try await unary(rename, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: rename.name)
        }
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
        let copy = Operation.copy(Copy(path: path.bytes, destination: destination.bytes, options: options))
        guard case .copy(let result) = try await unary(copy, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: copy.name)
        }
        return result
    }
}
