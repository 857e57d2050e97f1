internal import AgentBackend
internal import BrokerWire

/// Lists the commands in the background of a key.
extension ExecList: SessionVerb {
    static let name = "exec_list"
    static let isModifying = false

    /// Bytes of command lines and scopes in one answer: they stay well within a frame's head.
    private static let maximumBytes = 256 << 10
    private static let maximumExecs = 1000

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try page(target, session, broker)) { .done(Answer(.execList($0))) }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.execList(try page(call.target, session, broker)))
    }

    private func page(_ target: Target?, _ session: Session, _ broker: BrokerCore) throws(BackendError) -> ExecPage {
        let place = try session.backgroundPlace(target)
        let execs = broker.background.list(
            of: place.owner,
            of: session.org,
            in: place.scope,
            after: after
        )
        var bytes = 0
        let infos = execs.prefix(limit > 0 ? min(Int(limit), Self.maximumExecs) : Self.maximumExecs).map(\.info)
        let fitting = infos.prefix { info in
            bytes += info.command.count + info.scope.bytes.count
            return bytes <= Self.maximumBytes
        }
        return ExecPage(execs: Array(fitting), isTruncated: fitting.count < execs.count)
    }
}
