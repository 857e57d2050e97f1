public import NIOCore

extension Backend {
    /// Runs a command to its end and returns what it wrote, whatever its exit code is.
    ///
    /// Of each output stream at most `maximumOutputLength` bytes are kept, its beginning and its end; the command is
    /// never held up by that. Cancelling the task ends the command's whole tree and waits until it is gone: `CANCELLED`.
    ///
    /// - Parameters:
    ///   - input: Its standard input. Nil: that is at its end.
    ///   - maximumOutputLength: Nil: the backend's own.
    public func run(
        _ request: ExecRequest,
        input: ByteBuffer? = nil,
        maximumOutputLength: Int? = nil
    ) async throws(BackendError) -> CommandResult {
        var request = request
        request.opensStandardInput = input != nil
        let maximum = maximumOutputLength ?? self.maximumOutputLength
        let execution = try await start(request)
        let outputs = await withTaskCancellationHandler {
            await CommandOutputs.collect(from: execution, input: input, maximum: maximum)
        } onCancel: {
            execution.terminate()
        }
        let end = await execution.waitForEnd()
        let (output, error) = try outputs.get()
        if end.outcome == .cancelled, Task.isCancelled {
            throw BackendError(.cancelled, message: "the command was ended", operation: "exec", maybeExecuted: true)
        }
        return CommandResult(standardOutput: output, standardError: error, isolation: execution.isolation, end: end)
    }

    /// Runs a shell line and returns its standard output as text; bytes that are no UTF-8 are replaced. Throws
    /// `EXEC_FAILED` where it does not exit with 0; see ``CommandResult/requireSuccess()``.
    @discardableResult
    public func exec(
        _ command: String,
        workingDirectory: String = WorkspacePath.rootName,
        environment: Environment = Environment(),
        timeout: Duration? = nil,
        input: ByteBuffer? = nil,
        maximumOutputLength: Int? = nil
    ) async throws(BackendError) -> String {
        let bytes = try await execBytes(
            command,
            workingDirectory: workingDirectory,
            environment: environment,
            timeout: timeout,
            input: input,
            maximumOutputLength: maximumOutputLength
        )
        return String(buffer: bytes)
    }

    /// As ``exec(_:workingDirectory:environment:timeout:input:maximumOutputLength:)``, byte for byte.
    public func execBytes(
        _ command: String,
        workingDirectory: String = WorkspacePath.rootName,
        environment: Environment = Environment(),
        timeout: Duration? = nil,
        input: ByteBuffer? = nil,
        maximumOutputLength: Int? = nil
    ) async throws(BackendError) -> ByteBuffer {
        let request = ExecRequest(
            .shellLine(Array(command.utf8)),
            environment: environment,
            workingDirectory: try WorkspacePath(workingDirectory),
            timeout: timeout
        )
        let result = try await run(request, input: input, maximumOutputLength: maximumOutputLength)
        try result.requireSuccess()
        return result.standardOutput
    }
}

/// Both outputs of a command.
private enum CommandOutputs {
    private enum Finished: Sendable {
        case output(CommandStream, BoundedOutput)
        case input
    }

    /// Reads both to their ends while the input is written.
    static func collect(
        from execution: any CommandExecution,
        input: ByteBuffer?,
        maximum: Int
    ) async -> Result<(BoundedOutput, BoundedOutput), BackendError> {
        await withTaskGroup(of: Result<Finished, BackendError>.self) { group in
            for stream in CommandStream.allCases {
                group.addTask { await read(stream, of: execution, maximum: maximum) }
            }
            if let input {
                group.addTask { await write(input, to: execution) }
            }
            var output: BoundedOutput?
            var error: BoundedOutput?
            // A command that ends without reading its input leaves the one who writes it waiting.
            while output == nil || error == nil, let finished = await group.next() {
                switch finished {
                case .success(.output(.standardOutput, let bytes)): output = bytes
                case .success(.output(.standardError, let bytes)): error = bytes
                case .success(.input): break
                case .failure(let failure):
                    execution.terminate()
                    group.cancelAll()
                    return .failure(failure)
                }
            }
            group.cancelAll()
            let none = BoundedOutput(maximum: 0)
            return .success((output ?? none, error ?? none))
        }
    }

    private static func read(
        _ stream: CommandStream,
        of execution: any CommandExecution,
        maximum: Int
    ) async -> Result<Finished, BackendError> {
        do throws(BackendError) {
            var bounded = BoundedOutput(maximum: maximum)
            while let bytes = try await execution.readOutput(stream, upTo: 64 << 10) { bounded.append(bytes) }
            return .success(.output(stream, bounded))
        } catch {
            return .failure(error)
        }
    }

    private static func write(
        _ input: ByteBuffer,
        to execution: any CommandExecution
    ) async -> Result<Finished, BackendError> {
        do throws(BackendError) {
            try await execution.writeInput(input)
            execution.closeInput()
            return .success(.input)
        } catch  where error.code == .cancelled {
            // The command ended first, or all of it is called off.
            return .success(.input)
        } catch {
            return .failure(error)
        }
    }
}
