public import AgentBackend
internal import BrokerWire
public import NIOCore

extension BrokerConnection {
    /// The whole file, or a range of it, in memory. More than `maximum` bytes: `READ_FAILED` with reason `TOO_LARGE`;
    /// use ``openReader(_:range:on:call:)`` for those.
    public func read(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        maximum: Int = 64 << 20,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> ByteBuffer {
        let reader = try await openReader(path, range: range, on: target, call: options)
        return try await reader.collect(maximum: maximum)
    }

    /// Opens a file to be read from front to back in pieces. Returns when its first bytes are here. A reader that is
    /// let go before the end cancels the call.
    public func openReader(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerFileReader {
        guard range.length != 0 else {
            throw BackendError(.invalidArgument, message: "a range of no bytes: ask for one", operation: "read")
        }
        let read = Operation.read(Read(path: path.bytes, range: range))
        return try await BrokerFileReader(try start(CallRequest(read, on: target, options: options)), range)
    }

    /// Writes a file from memory; makes its parents. Throws `WRITE_FAILED` with a reason; the file is then as before.
    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        let write = Operation.write(Write(path: path.bytes, options: options))
        let answer = try await unary(write, on: target, call: callOptions, payload: bytes)
        return try Self.info(written: answer.reply)
    }

    /// Names in a directory, sorted as bytes, at most the broker's limit of them. Throws `LS_FAILED` with a reason.
    public func readdir(
        _ path: WorkspacePath,
        options: ReaddirOptions = ReaddirOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> DirectoryPage {
        let readdir = Operation.readdir(Readdir(path: path.bytes, options: options))
        guard case .readdir(let page) = try await unary(readdir, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: readdir.name)
        }
        return page
    }

    /// All entries of a directory, a page at a time as they are asked for.
    public func entries(
        of path: WorkspacePath,
        withDetails: Bool = false,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> DirectoryEntries {
        DirectoryEntries(connection: self, path: path, withDetails: withDetails, target: target, options: options)
    }

    /// What is at a path. `followLink` false tells of a final symbolic link itself.
    public func stat(
        _ path: WorkspacePath,
        followLink: Bool = true,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        let stat = Operation.stat(Stat(path: path.bytes, followLink: followLink))
        guard case .stat(let info) = try await unary(stat, on: target, call: options).reply else {
            throw .strangeAnswer(to: stat.name)
        }
        return info
    }

    /// Removes a file, a symbolic link (never what it points to) or a directory.
    public func rm(
        _ path: WorkspacePath,
        options: RemoveOptions = RemoveOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        let rm = Operation.rm(Rm(path: path.bytes, options: options))
        guard case .rm = try await unary(rm, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: rm.name)
        }
    }

    static func info(written reply: Reply) throws(BackendError) -> FileInfo {
        guard case .write(let info) = reply else { throw .strangeAnswer(to: "write") }
        return info
    }
}
