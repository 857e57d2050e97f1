package import AgentBackend
internal import BackendPool
internal import BrokerWire

/// What is ended, and looked into, from outside of a key.
extension Session {
    /// The org in which something is to be ended. Throws `PERMISSION_DENIED` for a read-only token and as
    /// ``inspected(_:of:)``, and `INVALID_ARGUMENT` for an operator who names none.
    func administered(_ asked: String, of broker: BrokerCore) throws(BackendError) -> Org {
        try principal.authorizeWrite()
        guard let org = try inspected(asked, of: broker) else {
            throw BackendError(
                .invalidArgument,
                message: "an operator's token belongs to no org: name the org that it is about"
            )
        }
        return org
    }

    /// A command in the background, whichever its key and scope, and its key; see `ExecAttach.org`.
    func background(
        _ id: UInt64,
        in org: String,
        of broker: BrokerCore
    ) throws(BackendError) -> (exec: BackgroundExec, key: String) {
        let org = try administered(org, of: broker)
        // One of another key is told of no more than one that is not there.
        guard let (exec, owner) = broker.background.find(id, of: org.id), principal.isTold(of: owner.key) else {
            throw BackendError.noCommand(id)
        }
        return (exec, owner.key)
    }
}

extension BrokerCore {
    /// The key of a command that runs, or did in the background and is remembered. Nil: the org has none of this number,
    /// or none that the principal is told of, which must not tell the one from the other.
    func key(ofCommand number: UInt64, in org: String, for principal: Principal) -> String? {
        guard let org = tenancy.current.orgs[org], principal.isOperator || principal.org.id == org.id,
            let key = key(ofCommand: number, of: org), principal.isTold(of: key)
        else { return nil }
        return key
    }

    private func key(ofCommand number: UInt64, of org: Org) -> String? {
        if let (_, owner) = background.find(number, of: org.id) { return owner.key }
        guard let command = commands[number], command.entry.org.id == org.id else { return nil }
        return command.entry.key
    }
}

extension BackgroundOwner {
    /// Empty: an entry without one.
    fileprivate var key: String {
        switch self {
        case .key(let key): key.name ?? ""
        case .entry: ""
        }
    }
}

extension Principal {
    /// Whether it hears of what is done in a key's workspace. An entry without a key has the empty one, of which a token
    /// that is narrowed to keys does not.
    @Sendable
    func isTold(of key: String) -> Bool { isOperator || (key.isEmpty ? keyPatterns == nil : allows(key: key)) }
}

extension BackendError {
    package static func noCommand(_ number: UInt64) -> BackendError {
        BackendError(
            .notFound,
            reason: .notFound,
            message: "no command \(number) runs that the token may use: list the commands for those that do"
        )
    }
}
