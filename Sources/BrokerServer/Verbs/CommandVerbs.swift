internal import AgentBackend
internal import BrokerWire

/// The commands that run, of whichever connection and key.
extension ListCommands: SessionVerb {
    static let name = "list_commands"
    static let isModifying = false

    /// Most commands in one answer: with the longest lines they stay well within a frame's head.
    private static let maximumCommands = 200

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try page(session, broker)) { .done(Answer(.commands($0))) }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.commands(try page(session, broker)))
    }

    private func page(_ session: Session, _ broker: BrokerCore) throws(BackendError) -> CommandPage {
        let (org, principal) = (try session.inspected(org, of: broker), session.principal)
        let limit = limit > 0 ? min(Int(limit), Self.maximumCommands) : Self.maximumCommands
        let (commands, isTruncated) = broker.commands.list(after: after, limit: limit) { command in
            (org == nil || command.entry.org.id == org?.id) && principal.isTold(of: command.entry.key)
        }
        return CommandPage(commands: commands.map(\.description), isTruncated: isTruncated)
    }
}

/// Ends a command, whoever started it.
extension KillCommand: SessionVerb {
    static let name = "kill_command"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try command(session, broker)) { _ in .wouldBlock }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        try await command(session, broker).kill()
        return Answer(.killCommand)
    }

    private func command(_ session: Session, _ broker: BrokerCore) throws(BackendError) -> LiveCommand {
        let org = try session.administered(org, of: broker)
        // One of another key is told of no more than one that is not there.
        guard let command = broker.commands[number], command.entry.org.id == org.id,
            session.principal.isTold(of: command.entry.key)
        else { throw BackendError.noCommand(number) }
        return command
    }
}
