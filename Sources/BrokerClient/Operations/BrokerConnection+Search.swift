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
}
