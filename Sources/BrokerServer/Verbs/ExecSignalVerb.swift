internal import AgentBackend
internal import BrokerWire

/// Sends a signal to a command in the background.
extension ExecSignal: SessionVerb {
    static let name = "exec_signal"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try session.background(exec, target, of: broker)) { _ in .wouldBlock }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
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
