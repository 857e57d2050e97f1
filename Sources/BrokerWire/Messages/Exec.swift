package import AgentBackend
internal import CBrokerProtos

/// Runs a command.
package struct ExecStart: Sendable, Hashable {
    /// Nil: none was given.
    package var program: ExecRequest.Program?
    package var environment: Environment
    /// As it was given.
    package var workingDirectory: [UInt8]
    package var timeout: Duration?
    package var opensStandardInput: Bool
    /// In the background.
    package var isDetached: Bool
    package var terminal: Terminal?
    package var limits: ExecLimits
    package var network: CommandNetwork

    package init(
        program: ExecRequest.Program?,
        environment: Environment = Environment(),
        workingDirectory: [UInt8] = [],
        timeout: Duration? = nil,
        opensStandardInput: Bool = false,
        isDetached: Bool = false,
        terminal: Terminal? = nil,
        limits: ExecLimits = ExecLimits(),
        network: CommandNetwork = .none
    ) {
        self.program = program
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.timeout = timeout
        self.opensStandardInput = opensStandardInput
        self.isDetached = isDetached
        self.terminal = terminal
        self.limits = limits
        self.network = network
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
        isDetached = message.detach != 0
        terminal = try message.terminal.map { (terminal) throws(BackendError) in try Terminal(terminal.pointee) }
        limits = message.limits.map { ExecLimits($0.pointee) } ?? ExecLimits()
        network = try CommandNetwork(wire: message.network)
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
        message.pointee.detach = isDetached ? 1 : 0
        message.pointee.terminal = terminal?.build(builder)
        if limits != ExecLimits() { message.pointee.limits = limits.build(builder) }
        if network != .none { message.pointee.network = Agentbroker__V1__NetworkPolicy(rawValue: network.rawValue) }
        return message
    }
}

/// The command runs.
package struct ExecStarted: Sendable, Hashable {
    package var isolation: String
    /// Of one in the background. 0: it is none.
    package var exec: UInt64

    package init(isolation: String, exec: UInt64 = 0) {
        self.isolation = isolation
        self.exec = exec
    }
}

extension ExecStarted: WireMessage {
    init(_ message: Agentbroker__V1__ExecStarted) throws(BackendError) {
        isolation = try MessageReader.string(message.isolation, "exec_started.isolation")
        exec = message.exec
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecStarted> {
        let message = builder.make(agentbroker__v1__exec_started__init)
        message.pointee.isolation = builder.string(isolation)
        message.pointee.exec = exec
        return message
    }
}

/// Some output follows in the payload.
package struct ExecOutput: Sendable, Hashable {
    package var stream: CommandStream
    /// Of one in the background: that of the payload's first byte.
    package var offset: UInt64

    package init(stream: CommandStream, offset: UInt64 = 0) {
        self.stream = stream
        self.offset = offset
    }
}

extension ExecOutput: WireMessage {
    init(_ message: Agentbroker__V1__ExecOutput) throws(BackendError) {
        stream = try CommandStream(wire: message.stream, "exec_output.stream")
        offset = message.offset
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecOutput> {
        let message = builder.make(agentbroker__v1__exec_output__init)
        message.pointee.stream = stream.wire
        message.pointee.offset = offset
        return message
    }
}

extension CommandStream {
    init(wire stream: Agentbroker__V1__OutputStream, _ field: StaticString) throws(BackendError) {
        guard let known = CommandStream(rawValue: stream.rawValue) else {
            throw MessageReader.unknownValue(field, stream.rawValue)
        }
        self = known
    }

    var wire: Agentbroker__V1__OutputStream { Agentbroker__V1__OutputStream(rawValue: rawValue) }
}
