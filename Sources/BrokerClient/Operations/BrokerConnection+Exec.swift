public import AgentBackend
public import NIOCore

extension BrokerConnection {
    /// Starts a command in the target's scope. Whoever starts it reads the session's events to their end, or cancels
    /// it; a session that is let go before kills the command with its whole process tree, as the loss of the connection
    /// does.
    public func exec(
        _ request: ExecRequest,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) throws(BackendError) -> CommandSession {
        CommandSession(try start(.exec(request, on: target, options)))
    }

    /// Runs `body` with a command that was started, and cancels what is left of it when `body` is done: returns when no
    /// process of it is left.
    public func withExec<Value>(
        _ request: ExecRequest,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions(),
        _ body: (CommandSession) async throws -> Value
    ) async throws -> Value {
        let session = try exec(request, on: target, call: options)
        do {
            let value = try await body(session)
            await session.cancel()
            return value
        } catch {
            await session.cancel()
            throw error
        }
    }

    /// Runs a command to its end and returns what it wrote, whatever its exit code is; see
    /// ``CommandResult/requireSuccess()``. Of each output stream at most `maximumOutputLength` bytes are kept, its
    /// beginning and its end.
    public func run(
        _ request: ExecRequest,
        input: ByteBuffer? = nil,
        maximumOutputLength: Int = 10 << 20,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> CommandResult {
        var request = request
        request.opensStandardInput = input != nil
        let session = try exec(request, on: target, call: options)
        if let input { session.sendInput(input) }
        return try await session.collect(maximumOutputLength: maximumOutputLength)
    }
}
