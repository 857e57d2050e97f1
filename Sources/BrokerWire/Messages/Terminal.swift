package import AgentBackend
internal import CBrokerProtos

extension Terminal: WireMessage {
    init(_ message: Agentbroker__V1__Terminal) throws(BackendError) {
        let type = try MessageReader.string(message.term, "terminal.term")
        self.init(
            try TerminalSize(checking: message.rows, message.columns),
            type: type.isEmpty ? nil : type
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Terminal> {
        let message = builder.make(agentbroker__v1__terminal__init)
        message.pointee.rows = UInt32(size.rows)
        message.pointee.columns = UInt32(size.columns)
        message.pointee.term = builder.string(type ?? "")
        return message
    }
}

/// Changes the size of the terminal of a command in the background or, by its call on the same connection, in the
/// foreground.
package struct ExecResize: Sendable, Hashable {
    package var exec: UInt64
    /// 0: it is one in the background.
    package var call: UInt64
    package var size: TerminalSize

    package init(exec: UInt64 = 0, call: UInt64 = 0, size: TerminalSize) {
        self.exec = exec
        self.call = call
        self.size = size
    }
}

extension ExecResize: WireMessage {
    init(_ message: Agentbroker__V1__ExecResize) throws(BackendError) {
        exec = message.exec
        call = message.call
        size = try TerminalSize(checking: message.rows, message.columns)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecResize> {
        let message = builder.make(agentbroker__v1__exec_resize__init)
        message.pointee.exec = exec
        message.pointee.call = call
        message.pointee.rows = UInt32(size.rows)
        message.pointee.columns = UInt32(size.columns)
        return message
    }
}
