internal import AgentBackend
internal import BrokerWire

extension UnaryCall<EntryPage> {
    static func entries(of org: String, after number: UInt64) -> Self {
        Self(operation: .listEntries(ListEntries(org: org, after: number))) {
            if case .entries(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<CommandPage> {
    static func commands(of org: String, after number: UInt64) -> Self {
        Self(operation: .listCommands(ListCommands(org: org, after: number))) {
            if case .commands(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<Void> {
    static func killCommand(_ number: UInt64, _ org: String) -> Self {
        Self(operation: .killCommand(KillCommand(org: org, number: number))) {
            if case .killCommand = $0 { () } else { nil }
        }
    }

    static func destroyEntry(_ key: String, _ backend: BackendType, _ org: String) -> Self {
        Self(operation: .destroyEntry(DestroyEntry(org: org, key: key, backend: backend))) {
            if case .destroyEntry = $0 { () } else { nil }
        }
    }
}
