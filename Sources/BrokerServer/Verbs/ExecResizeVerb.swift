internal import AgentBackend
internal import BrokerWire

/// Changes the size of a command's terminal. Not recorded: it is no more than what is typed there.
extension ExecResize: SessionVerb {
    static let name = "exec_resize"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        guard self.call == 0 else { return .preparing(try session.foreground(self.call)) { _ in .wouldBlock } }
        return .preparing(try session.background(exec, target, of: broker)) { _ in .wouldBlock }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        if self.call == 0 {
            try await session.background(exec, call.target, of: broker).resizeTerminal(to: size)
        } else {
            try await session.foreground(self.call).resizeTerminal(to: size)
        }
        return Answer(.execResize)
    }
}
