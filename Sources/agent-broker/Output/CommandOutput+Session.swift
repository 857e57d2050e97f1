import AgentBackend
import BrokerClient

extension CommandOutput {
    /// Hands on what a command writes, as it comes: where nobody takes it, the command waits.
    func pass(_ session: CommandSession) async throws -> ExecEnd? {
        var end: ExecEnd?
        for try await event in session {
            switch event {
            case .started: break
            case .standardOutput(let bytes): try await standardOutput.write(bytes)
            case .standardError(let bytes): try await standardError.write(bytes)
            case .ended(let ended): end = ended
            }
        }
        return end
    }
}
