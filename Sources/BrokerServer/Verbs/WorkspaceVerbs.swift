internal import AgentBackend
internal import BrokerWire

extension ListWorkspaces: SessionVerb {
    static let name = "list_workspaces"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        throw BackendError(.notImplemented, message: "workspaces cannot be listed yet")
    }
}

extension DeleteWorkspace: SessionVerb {
    static let name = "delete_workspace"
    static let isModifying = true

    var subject: [UInt8] { Array(key.utf8) }

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        throw BackendError(.notImplemented, message: "workspaces cannot be deleted yet")
    }
}
