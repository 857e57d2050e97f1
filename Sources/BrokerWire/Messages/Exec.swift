package import AgentBackend
internal import CBrokerProtos

/// Runs a command.
package struct ExecStart: Sendable {
    /// Nil: none was given.
    package var program: ExecRequest.Program?
    package var environment: Environment
    /// As it was given.
    package var workingDirectory: [UInt8]
    package var timeout: Duration?
    package var opensStandardInput: Bool

    package init(
        program: ExecRequest.Program?,
        environment: Environment = Environment(),
        workingDirectory: [UInt8] = [],
        timeout: Duration? = nil,
        opensStandardInput: Bool = false
    ) {
        self.program = program
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.timeout = timeout
        self.opensStandardInput = opensStandardInput
    }
}

extension ExecStart: WireMessage {
    init(_ message: Agentbroker__V1__ExecStart) throws(BackendError) {
        switch message.command_case {
        case AGENTBROKER__V1__EXEC_START__COMMAND_SHELL_LINE:
            program = .shellLine(MessageReader.bytes(message.shell_line))
        case AGENTBROKER__V1__EXEC_START__COMMAND_ARGUMENTS:
            guard let vector = message.arguments?.pointee else { throw MessageCodec.malformed }
            program = .arguments(
                try MessageReader.array(vector.argument, count: vector.n_argument, MessageReader.bytes)
            )
        default:
            program = nil
        }
        environment = try Environment(wire: message.environment, count: message.n_environment)
        workingDirectory = MessageReader.bytes(message.working_directory)
        timeout = Duration(wireMilliseconds: message.timeout_ms)
        opensStandardInput = message.open_stdin != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecStart> {
        let message = builder.make(agentbroker__v1__exec_start__init)
        switch program {
        case .shellLine(let line):
            message.pointee.command_case = AGENTBROKER__V1__EXEC_START__COMMAND_SHELL_LINE
            message.pointee.shell_line = builder.bytes(line)
        case .arguments(let arguments):
            let vector = builder.make(agentbroker__v1__argument_vector__init)
            vector.pointee.n_argument = arguments.count
            vector.pointee.argument = builder.array(arguments, builder.bytes)
            message.pointee.command_case = AGENTBROKER__V1__EXEC_START__COMMAND_ARGUMENTS
            message.pointee.arguments = vector
        case nil:
            break
        }
        message.pointee.n_environment = environment.variables.count
        message.pointee.environment = environment.build(builder)
        message.pointee.working_directory = builder.bytes(workingDirectory)
        message.pointee.timeout_ms = timeout?.inMilliseconds ?? 0
        message.pointee.open_stdin = opensStandardInput ? 1 : 0
        return message
    }
}

/// The command runs.
package struct ExecStarted: Sendable, Hashable {
    package var isolation: String

    package init(isolation: String) {
        self.isolation = isolation
    }
}

extension ExecStarted: WireMessage {
    init(_ message: Agentbroker__V1__ExecStarted) throws(BackendError) {
        isolation = try MessageReader.string(message.isolation, "exec_started.isolation")
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecStarted> {
        let message = builder.make(agentbroker__v1__exec_started__init)
        message.pointee.isolation = builder.string(isolation)
        return message
    }
}

/// Some output follows in the payload.
package struct ExecOutput: Sendable, Hashable {
    package var stream: CommandStream

    package init(stream: CommandStream) {
        self.stream = stream
    }
}

extension ExecOutput: WireMessage {
    init(_ message: Agentbroker__V1__ExecOutput) throws(BackendError) {
        guard let stream = CommandStream(rawValue: message.stream.rawValue) else {
            throw MessageReader.unknownValue("exec_output.stream", message.stream.rawValue)
        }
        self.stream = stream
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecOutput> {
        let message = builder.make(agentbroker__v1__exec_output__init)
        message.pointee.stream = Agentbroker__V1__OutputStream(rawValue: stream.rawValue)
        return message
    }
}

/// How the command ended.
package struct ExecEndReply: Sendable, Hashable {
    package var end: ExecEnd
    package var standardOutputBytes: UInt64
    package var standardErrorBytes: UInt64

    package init(end: ExecEnd, standardOutputBytes: UInt64, standardErrorBytes: UInt64) {
        self.end = end
        self.standardOutputBytes = standardOutputBytes
        self.standardErrorBytes = standardErrorBytes
    }
}

extension ExecEndReply: WireMessage {
    init(_ message: Agentbroker__V1__ExecEnd) throws(BackendError) {
        let outcome: ExecEnd.Outcome
        switch message.outcome_case {
        case AGENTBROKER__V1__EXEC_END__OUTCOME_EXITED:
            outcome = .exited(code: message.exited?.pointee.code ?? 0)
        case AGENTBROKER__V1__EXEC_END__OUTCOME_TIMED_OUT:
            outcome = .timedOut(after: .milliseconds(message.timed_out?.pointee.timeout_ms ?? 0))
        default:
            // Ended in a way that only a newer broker knows.
            outcome = .terminated
        }
        let usage = message.usage?.pointee
        end = ExecEnd(
            outcome: outcome,
            usage: ExecEnd.Usage(
                wall: .microseconds(Int64(clamping: usage?.wall_us ?? 0)),
                user: .microseconds(Int64(clamping: usage?.user_us ?? 0)),
                system: .microseconds(Int64(clamping: usage?.system_us ?? 0)),
                maximumResidentBytes: usage?.max_rss_bytes ?? 0
            )
        )
        standardOutputBytes = usage?.stdout_bytes ?? 0
        standardErrorBytes = usage?.stderr_bytes ?? 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecEnd> {
        let message = builder.make(agentbroker__v1__exec_end__init)
        switch end.outcome {
        case .exited(let code):
            let exited = builder.make(agentbroker__v1__exec_exited__init)
            exited.pointee.code = code
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_EXITED
            message.pointee.exited = exited
        case .timedOut(let deadline):
            let timedOut = builder.make(agentbroker__v1__exec_timed_out__init)
            timedOut.pointee.timeout_ms = deadline.inMilliseconds
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_TIMED_OUT
            message.pointee.timed_out = timedOut
        case .terminated:
            break
        }
        let usage = builder.make(agentbroker__v1__exec_usage__init)
        usage.pointee.wall_us = end.usage.wall.inMicroseconds
        usage.pointee.user_us = end.usage.user.inMicroseconds
        usage.pointee.system_us = end.usage.system.inMicroseconds
        usage.pointee.max_rss_bytes = end.usage.maximumResidentBytes
        usage.pointee.stdout_bytes = standardOutputBytes
        usage.pointee.stderr_bytes = standardErrorBytes
        message.pointee.usage = usage
        return message
    }
}
