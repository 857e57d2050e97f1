internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension ExecStart: EntryVerb {
    static let name = "exec"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] {
        program?.line ?? []
    }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        try await perform(on: backend, stream, began: { _, _ in }, ended: { _ in })
    }

    /// `began` is called with the command once it has started, and with what counts its output; `ended` when nothing of
    /// it is left.
    func perform(
        on backend: any Backend,
        _ stream: any CallStream,
        began: (any CommandExecution, CommandOutputTally) -> Void,
        ended: (ExecEnd) -> Void
    ) async throws(BackendError) -> Answer {
        let command = try await backend.start(try request())
        let outputs = CommandOutputTally()
        began(command, outputs)
        // It may never read its input. As many commands run as may, each with a window of it.
        stream.leaveConnectionCredit()
        do throws(BackendError) {
            try await converse(with: command, stream, outputs)
        } catch {
            command.terminate()
            ended(await command.waitForEnd())
            throw error
        }
        let end = await command.waitForEnd()
        ended(end)
        if end.outcome == .cancelled {
            throw BackendError(
                .cancelled,
                message: "the command was ended before it came to its end",
                maybeExecuted: true
            )
        }
        return Answer(.execEnd(ExecEndReply(end: end)), outputs: outputs)
    }

    func request() throws(BackendError) -> ExecRequest {
        let isEmpty =
            switch program {
            case .shellLine(let line): line.allSatisfy { " \t\r\n".utf8.contains($0) }
            case .arguments(let arguments): arguments.isEmpty
            case nil: true
            }
        guard let program, !isEmpty else {
            throw BackendError(.emptyCommand, message: "there is no command to run: give a shell line or arguments")
        }
        return ExecRequest(
            program,
            environment: environment,
            workingDirectory: try WorkspacePath(workingDirectory),
            timeout: timeout,
            opensStandardInput: opensStandardInput,
            terminal: terminal,
            limits: limits,
            network: network
        )
    }

    /// Hands on what the command writes and what its caller sends, until the command has ended and all that it wrote
    /// was sent. Cancelling it ends the command.
    private func converse(
        with command: any CommandExecution,
        _ stream: any CallStream,
        _ outputs: CommandOutputTally
    ) async throws(BackendError) {
        try await stream.send(.execStarted(ExecStarted(isolation: command.isolation)), payload: ByteBuffer())
        let opensStandardInput = opensStandardInput
        let result = await withTaskCancellationHandler {
            await withTaskGroup(of: Result<Bool, BackendError>.self) { group in
                for output in CommandStream.allCases {
                    group.addTask { await Self.forward(output, of: command, to: stream, outputs) }
                }
                if opensStandardInput {
                    group.addTask { await Self.feed(command, from: stream) }
                }
                // Standard input may stay open for ever: what counts is the end of both outputs.
                var openOutputs = CommandStream.allCases.count
                var failure: BackendError?
                while openOutputs > 0, let result = await group.next() {
                    switch result {
                    case .success(let isOutput):
                        if isOutput { openOutputs -= 1 }
                    case .failure(let error):
                        failure = failure ?? error
                        // Ends both outputs.
                        command.terminate()
                        openOutputs = 0
                    }
                }
                group.cancelAll()
                return failure.map { Result.failure($0) } ?? .success(())
            }
        } onCancel: {
            command.terminate()
        }
        try result.get()
    }

    /// `true`: an output came to its end.
    private static func forward(
        _ output: CommandStream,
        of command: any CommandExecution,
        to stream: any CallStream,
        _ outputs: CommandOutputTally
    ) async -> Result<Bool, BackendError> {
        do throws(BackendError) {
            let reply = Reply.execOutput(ExecOutput(stream: output))
            while let bytes = try await command.readOutput(output, upTo: 64 << 10) {
                outputs.add(bytes, to: output)
                try await stream.send(reply, payload: bytes)
            }
            return .success(true)
        } catch {
            return .failure(error)
        }
    }

    private static func feed(
        _ command: any CommandExecution,
        from stream: any CallStream
    ) async -> Result<Bool, BackendError> {
        do throws(BackendError) {
            while let bytes = try await stream.receive() {
                try await command.writeInput(bytes)
            }
            command.closeInput()
            return .success(false)
        } catch  where error.code == .connectionClosed {
            // The caller closed its side: that ends the input as well.
            command.closeInput()
            return .success(false)
        } catch  where error.code == .cancelled {
            // The command ended first.
            return .success(false)
        } catch {
            return .failure(error)
        }
    }
}
