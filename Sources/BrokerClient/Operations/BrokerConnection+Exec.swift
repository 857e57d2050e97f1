public import AgentBackend
internal import BrokerWire
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
        let start = ExecStart(
            program: request.program,
            environment: request.environment,
            workingDirectory: request.workingDirectory.bytes,
            // Below a millisecond is not none.
            timeout: request.timeout.map { max($0, .milliseconds(1)) },
            opensStandardInput: request.opensStandardInput
        )
        return CommandSession(
            try self.start(
                CallRequest(.execStart(start), on: target, options: options, isWhole: !request.opensStandardInput)
            )
        )
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

    /// Runs a command to its end and returns what it wrote.
    ///
    /// A command that exits with another code than 0, or is ended at its timeout, is `EXEC_FAILED`; more than
    /// `maximumOutput` bytes in all are `EXEC_FAILED` with reason `TOO_LARGE`, and the command is killed. The error's
    /// cause is a ``CommandFailure`` with everything that the command wrote until then.
    @discardableResult
    public func run(
        _ request: ExecRequest,
        input: ByteBuffer? = nil,
        maximumOutput: Int = 16 << 20,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> CommandResult {
        var request = request
        request.opensStandardInput = input != nil
        let session = try exec(request, on: target, call: options)
        if let input { session.sendInput(input) }
        let result = try await session.collect(maximumOutput: maximumOutput)
        guard result.isSuccess else { throw CommandFailure(result: result).error }
        return result
    }
}
