public import AgentBackend
internal import BrokerWire

// For targets with a memory backend; others throw `NOT_IMPLEMENTED`.
extension BrokerConnection {
    /// Keys that begin with `prefix`, byte by byte, at most the broker's limit of them.
    public func listKeys(
        prefix: [UInt8] = [],
        options: ListKeysOptions = ListKeysOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> KeyPage {
        let list = Operation.listKeys(ListKeys(prefix: prefix, options: options))
        guard case .listKeys(let page) = try await unary(list, on: target, call: callOptions).reply else {
            throw .strangeAnswer(to: list.name)
        }
        return page
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
        let delete = Operation.deleteKey(DeleteKey(key: key.bytes))
        guard case .deleteKey(let deleted) = try await unary(delete, on: target, call: options).reply else {
            throw .strangeAnswer(to: delete.name)
        }
        return deleted
    }

    /// Removes all keys of the target's scope, and returns how many.
    @discardableResult
    public func clearKeys(
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Int {
        guard case .clearKeys(let cleared) = try await unary(.clearKeys, on: target, call: options).reply else {
            throw .strangeAnswer(to: "clear_keys")
        }
        return Int(clamping: cleared)
    }
}
