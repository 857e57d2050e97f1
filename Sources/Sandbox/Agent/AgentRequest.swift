internal import AgentBackend
internal import CLinux
internal import Glibc

/// A command as its sandbox's agent gets it.
struct AgentRequest: ~Copyable {
    private var request = sandbox_request()
    private let strings: [UInt8]
    /// Of strings that are too long for a message.
    private let file: OwnedDescriptor?

    init(_ command: PreparedCommand, scope: ScopeDirectory) throws(BackendError) {
        var strings = StringList()
        strings.add(scope.path)
        strings.add(command.workingDirectory)
        for argument in command.arguments { strings.add(argument) }
        for variable in command.environment.variables {
            strings.add(variable.name + [UInt8(ascii: "=")] + variable.value)
        }
        let isLong = strings.bytes.count > Int(sandbox_maximum_inline_strings)
        file = isLong ? try OwnedDescriptor.memoryFile("command", strings.bytes) : nil
        request.operation = UInt32(sandbox_operation_start.rawValue)
        request.argument_count = UInt32(command.arguments.count)
        request.variable_count = UInt32(command.environment.variables.count)
        request.strings_size = UInt32(strings.bytes.count)
        request.strings_are_in_file = isLong ? 1 : 0
        if let terminal = command.terminal {
            request.has_terminal = 1
            request.rows = terminal.rows
            request.columns = terminal.columns
        }
        let limits = command.limits
        request.maximum_descriptors = UInt32(clamping: limits.openFiles ?? 0)
        request.maximum_file_size = limits.fileBytes ?? 0
        request.scope_device = scope.device
        request.scope_inode = scope.inode
        self.strings = isLong ? [] : strings.bytes
    }

    /// Returns bytes that were sent, or -errno. `descriptors`: standard input, output, error; none with a terminal.
    borrowing func send(id: UInt64, to socket: Int32, descriptors: [Int32], _ control: CommandControl) -> Int {
        var request = request
        request.id = id
        request.control_group_count = UInt32(control.members.count)
        request.maximum_processor_seconds = control.processorSeconds
        var descriptors = descriptors + control.members.map(\.rawValue)
        // Borrowed to the end of this call.
        defer { withExtendedLifetime(control) {} }
        switch file {
        case .some(let file): descriptors.append(file.rawValue)
        case .none: break
        }
        return strings.withUnsafeBytes { bytes in
            sandbox_send(socket, &request, bytes.baseAddress, bytes.count, descriptors, Int32(descriptors.count))
        }
    }
}
