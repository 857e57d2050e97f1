internal import AgentBackend
internal import BrokerWire

extension UnaryCall<AcquireReply> {
    /// Nil: whatever the entry has.
    static func acquire(_ configuration: EntryConfiguration?) -> Self {
        Self(operation: .acquire(Acquire(configuration: configuration))) {
            if case .acquire(let reply) = $0 { reply } else { nil }
        }
    }
}

extension UnaryCall<Bool> {
    static func release(_ lease: UInt64) -> Self {
        Self(operation: .release(Release(lease: lease))) {
            if case .release(let released) = $0 { released } else { nil }
        }
    }
}

extension UnaryCall<EntryDescription> {
    static var describe: Self {
        Self(operation: .describe) { reply throws(BackendError) in
            guard case .describe(let description) = reply else { return nil }
            return try EntryDescription(description)
        }
    }
}

extension UnaryCall<WorkspacePage> {
    static func listWorkspaces(after key: String) -> Self {
        Self(operation: .listWorkspaces(ListWorkspaces(after: key))) {
            if case .listWorkspaces(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<Bool> {
    static func deleteWorkspace(_ key: String, force: Bool) -> Self {
        Self(operation: .deleteWorkspace(DeleteWorkspace(key: key, force: force))) {
            if case .deleteWorkspace(let deleted) = $0 { deleted } else { nil }
        }
    }
}

extension UnaryCall<BrokerDrainReport> {
    static var drain: Self {
        Self(operation: .drain) { if case .drain(let report) = $0 { BrokerDrainReport(report) } else { nil } }
    }
}
