public import AgentBackend

// For targets with a memory backend; others throw `NOT_IMPLEMENTED`.
extension BrokerConnection {
    /// Keys that begin with `prefix`, byte by byte, at most the broker's limit of them.
    public func listKeys(
        prefix: [UInt8] = [],
        options: ListKeysOptions = ListKeysOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> KeyPage {
        try await perform(.listKeys(prefix: prefix, options: options), on: target, call: callOptions)
    }

    /// All keys that begin with `prefix`, byte by byte, a page at a time as they are asked for.
    public func keys(
        prefix: [UInt8] = [],
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> MemoryKeys {
        MemoryKeys(connection: self, prefix: prefix, target: target, options: options)
    }

    /// Removes one key, and nothing below it. False: there was none.
    @discardableResult
    public func deleteKey(
        _ key: WorkspacePath,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        try await perform(.deleteKey(key), on: target, call: options)
    }

    /// Removes all keys of the target's scope, and returns how many.
    @discardableResult
    public func clearKeys(
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Int {
        try await perform(.clearKeys, on: target, call: options)
    }
}
