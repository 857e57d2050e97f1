public import AgentBackend

extension BrokerConnection {
    /// Paths that match a pattern, a page at a time. No link is followed on the way. Throws `LS_FAILED` with a reason
    /// where there is no directory to search.
    public func glob(
        _ pattern: GlobPattern,
        options: GlobOptions = GlobOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FilePage {
        try await perform(.glob(pattern, options: options), on: target, call: callOptions)
    }

    /// Lines that match a pattern, of all files in a directory or of one file, a page at a time. No link is followed on
    /// the way; a file with a NUL byte is passed over. Throws `LS_FAILED` with a reason where there is nothing to search.
    public func grep(
        _ pattern: GrepPattern,
        options: GrepOptions = GrepOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> GrepPage {
        try await perform(.grep(pattern, options: options), on: target, call: callOptions)
    }

    /// What is in a directory, and in those in it, a page at a time: all kinds, in the order of names, a directory before
    /// what is in it. No link is followed. Throws `LS_FAILED` with a reason where there is no directory.
    public func tree(
        _ options: TreeOptions = TreeOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FilePage {
        try await perform(.tree(options), on: target, call: callOptions)
    }

    /// Counts what is in a directory, or one file, a part at a time where it is much. No link is followed on the way.
    /// Throws `LS_FAILED` with a reason.
    public func diskUsage(
        _ path: WorkspacePath = .root,
        options: DiskUsageOptions = DiskUsageOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> DiskUsage {
        try await perform(.diskUsage(path, options: options), on: target, call: callOptions)
    }
}
