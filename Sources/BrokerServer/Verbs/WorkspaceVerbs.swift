internal import AgentBackend
internal import BrokerWire

extension ListWorkspaces: SessionVerb {
    static let name = "list_workspaces"
    static let isModifying = false

    /// Most workspaces in one answer: with the longest keys they stay well within a frame's head.
    private static let maximumWorkspaces = 1000

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        try session.principal.authorizeAgent()
        let limit = limit > 0 ? min(Int(limit), Self.maximumWorkspaces) : Self.maximumWorkspaces
        return Answer(
            .listWorkspaces(try await broker.workspaces.list(for: session.principal, after: after, limit: limit))
        )
    }
}

extension DeleteWorkspace: SessionVerb {
    static let name = "delete_workspace"
    static let isModifying = true

    var subject: [UInt8] { Array(key.utf8) }

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        let principal = session.principal
        try Name.validate(key, kind: "key")
        try principal.authorize(key: key)
        try principal.authorizeWrite()
        let isDeleted = try await broker.workspaces.delete(key, of: principal.org, force: force)
        return Answer(.deleteWorkspace(deleted: isDeleted))
    }
}
