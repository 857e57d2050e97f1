internal import AgentBackend
internal import BrokerWire

extension UnaryCall<KeyPage> {
    static func listKeys(prefix: [UInt8], options: ListKeysOptions) -> Self {
        Self(operation: .listKeys(ListKeys(prefix: prefix, options: options))) {
            if case .listKeys(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<Bool> {
    static func deleteKey(_ key: WorkspacePath) -> Self {
        Self(operation: .deleteKey(DeleteKey(key: key.bytes))) {
            if case .deleteKey(let deleted) = $0 { deleted } else { nil }
        }
    }
}

extension UnaryCall<Int> {
    static var clearKeys: Self {
        Self(operation: .clearKeys) { if case .clearKeys(let cleared) = $0 { Int(clamping: cleared) } else { nil } }
    }
}
