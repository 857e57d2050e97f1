internal import AgentBackend
internal import CBrokerProtos

package struct ListWorkspaces: Sendable, Hashable {
    /// Empty: from the start.
    package var after: String
    /// 0: the broker's.
    package var limit: UInt32

    package init(after: String = "", limit: UInt32 = 0) {
        self.after = after
        self.limit = limit
    }
}

extension ListWorkspaces: WireMessage {
    init(_ message: Agentbroker__V1__ListWorkspaces) throws(BackendError) {
        after = try MessageReader.string(message.after, "list_workspaces.after")
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListWorkspaces> {
        let message = builder.make(agentbroker__v1__list_workspaces__init)
        message.pointee.after = builder.string(after)
        message.pointee.limit = limit
        return message
    }
}

/// The files of a key.
package struct WorkspaceDescription: Sendable, Hashable {
    package var key: String
    package var isLive: Bool
    /// Nanoseconds since 1970-01-01 UTC.
    package var usedNanoseconds: Int64

    package init(key: String, isLive: Bool, usedNanoseconds: Int64) {
        self.key = key
        self.isLive = isLive
        self.usedNanoseconds = usedNanoseconds
    }
}

package struct WorkspacePage: Sendable, Hashable {
    package var workspaces: [WorkspaceDescription]
    package var isTruncated: Bool

    package init(workspaces: [WorkspaceDescription], isTruncated: Bool) {
        self.workspaces = workspaces
        self.isTruncated = isTruncated
    }
}

extension WorkspacePage: WireMessage {
    init(_ message: Agentbroker__V1__ListWorkspacesReply) throws(BackendError) {
        self.init(
            workspaces: try MessageReader.array(message.workspaces, count: message.n_workspaces) {
                workspace throws(BackendError) in
                guard let workspace = workspace?.pointee else { throw MessageCodec.malformed }
                return WorkspaceDescription(
                    key: try MessageReader.string(workspace.key, "workspace.key"),
                    isLive: workspace.live != 0,
                    usedNanoseconds: workspace.used_ns
                )
            },
            isTruncated: message.truncated != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListWorkspacesReply> {
        let message = builder.make(agentbroker__v1__list_workspaces_reply__init)
        message.pointee.n_workspaces = workspaces.count
        message.pointee.workspaces = builder.array(workspaces) { workspace in
            let message = builder.make(agentbroker__v1__workspace__init)
            message.pointee.key = builder.string(workspace.key)
            message.pointee.live = workspace.isLive ? 1 : 0
            message.pointee.used_ns = workspace.usedNanoseconds
            return message
        }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

package struct DeleteWorkspace: Sendable, Hashable {
    package var key: String
    package var force: Bool

    package init(key: String, force: Bool = false) {
        self.key = key
        self.force = force
    }
}

extension DeleteWorkspace: WireMessage {
    init(_ message: Agentbroker__V1__DeleteWorkspace) throws(BackendError) {
        key = try MessageReader.string(message.key, "delete_workspace.key")
        force = message.force != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DeleteWorkspace> {
        let message = builder.make(agentbroker__v1__delete_workspace__init)
        message.pointee.key = builder.string(key)
        message.pointee.force = force ? 1 : 0
        return message
    }
}
