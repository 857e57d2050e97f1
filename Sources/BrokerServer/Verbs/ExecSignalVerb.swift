internal import AgentBackend
internal import BrokerWire

/// Sends a signal to a command. The record of one in the foreground tells how it ended.
extension ExecSignal: SessionVerb {
    static let name = "exec_signal"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        guard self.call == 0 else { return .preparing(try session.foreground(self.call)) { _ in .wouldBlock } }
        return .preparing(try session.background(exec, target, of: broker)) { _ in .wouldBlock }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        guard self.call == 0 else {
            try await session.foreground(self.call).signal(Int32(clamping: signal))
            return Answer(.execSignal)
        }
        let exec = try session.background(exec, call.target, of: broker)
        var record = OperationRecord(operation: Self.name, subject: "\(exec.id) \(signal)")
        record.scope = WorkspacePath.printable(exec.scope.bytes)
        let start = ContinuousClock.now
        defer {
            record.duration = start.duration(to: .now)
            exec.log.record(record, isModifying: true)
        }
        do throws(BackendError) {
            try await exec.signal(Int32(clamping: signal))
        } catch {
            record.failure = error.code
            throw error
        }
        return Answer(.execSignal)
    }
}
