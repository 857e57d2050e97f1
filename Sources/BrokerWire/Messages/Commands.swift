package import AgentBackend
internal import CBrokerProtos

package struct ListCommands: Sendable, Hashable {
    /// Empty: that of the token; for an operator, all.
    package var org: String
    /// 0: from the start.
    package var after: UInt64
    /// 0: the broker's.
    package var limit: UInt32

    package init(org: String = "", after: UInt64 = 0, limit: UInt32 = 0) {
        self.org = org
        self.after = after
        self.limit = limit
    }
}

extension ListCommands: WireMessage {
    init(_ message: Agentbroker__V1__ListCommands) throws(BackendError) {
        org = try MessageReader.string(message.org, "list_commands.org")
        after = message.after
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListCommands> {
        let message = builder.make(agentbroker__v1__list_commands__init)
        message.pointee.org = builder.string(org)
        message.pointee.after = after
        message.pointee.limit = limit
        return message
    }
}

/// A command that runs, as it is at one moment; see `operations.proto`.
package struct ListedCommand: Sendable, Hashable {
    package var number: UInt64
    package var org: String
    package var key: String
    package var backend: BackendType
    package var scope: [UInt8] = []
    package var command = ""
    package var isolation = ""
    package var startedNanoseconds: Int64 = 0
    package var written = StreamOffsets.beginning
    package var isInBackground = false

    package init(number: UInt64, org: String, key: String, backend: BackendType) {
        self.number = number
        self.org = org
        self.key = key
        self.backend = backend
    }
}

extension ListedCommand: WireMessage {
    init(_ message: Agentbroker__V1__RunningCommand) throws(BackendError) {
        self.init(
            number: message.number,
            org: try MessageReader.string(message.org, "running_command.org"),
            key: try MessageReader.string(message.key, "running_command.key"),
            backend: try BackendType(wire: message.backend) ?? .localFilesystem
        )
        scope = MessageReader.bytes(message.scope_path)
        command = try MessageReader.string(message.command, "running_command.command")
        isolation = try MessageReader.string(message.isolation, "running_command.isolation")
        startedNanoseconds = message.started_ns
        written = StreamOffsets(standardOutput: message.stdout_bytes, standardError: message.stderr_bytes)
        isInBackground = message.background != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__RunningCommand> {
        let message = builder.make(agentbroker__v1__running_command__init)
        message.pointee.number = number
        message.pointee.org = builder.string(org)
        message.pointee.key = builder.string(key)
        message.pointee.backend = backend.wire
        message.pointee.scope_path = builder.bytes(scope)
        message.pointee.command = builder.string(command)
        message.pointee.isolation = builder.string(isolation)
        message.pointee.started_ns = startedNanoseconds
        message.pointee.stdout_bytes = written.standardOutput
        message.pointee.stderr_bytes = written.standardError
        message.pointee.background = isInBackground ? 1 : 0
        return message
    }
}

package struct CommandPage: Sendable, Hashable {
    package var commands: [ListedCommand]
    package var isTruncated: Bool

    package init(commands: [ListedCommand], isTruncated: Bool) {
        self.commands = commands
        self.isTruncated = isTruncated
    }
}

extension CommandPage: WireMessage {
    init(_ message: Agentbroker__V1__ListCommandsReply) throws(BackendError) {
        commands = try MessageReader.array(message.commands, count: message.n_commands) {
            command throws(BackendError) in
            guard let command = command?.pointee else { throw MessageCodec.malformed }
            return try ListedCommand(command)
        }
        isTruncated = message.truncated != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListCommandsReply> {
        let message = builder.make(agentbroker__v1__list_commands_reply__init)
        message.pointee.n_commands = commands.count
        message.pointee.commands = builder.array(commands) { $0.build(builder) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

/// Ends a command, whoever started it.
package struct KillCommand: Sendable, Hashable {
    /// Empty: that of the token.
    package var org: String
    package var number: UInt64

    package init(org: String = "", number: UInt64) {
        self.org = org
        self.number = number
    }
}

extension KillCommand: WireMessage {
    init(_ message: Agentbroker__V1__KillCommand) throws(BackendError) {
        org = try MessageReader.string(message.org, "kill_command.org")
        number = message.number
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__KillCommand> {
        let message = builder.make(agentbroker__v1__kill_command__init)
        message.pointee.org = builder.string(org)
        message.pointee.number = number
        return message
    }
}
