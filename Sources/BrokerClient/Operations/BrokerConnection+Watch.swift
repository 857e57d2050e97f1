public import AgentBackend

extension BrokerConnection {
    /// Watches a directory from now on: everything that happens after this returns is told. Let go of it, close it, or
    /// cancel the task that reads it, to end it. Throws `LS_FAILED` with a reason where there is no such directory, and
    /// `RESOURCE_EXHAUSTED`.
    public func watch(
        _ options: WatchOptions = WatchOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileWatch {
        FileWatch(try await RemoteWatch(try start(.watch(options, on: target, callOptions))))
    }
}
