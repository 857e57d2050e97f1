package import AgentBackend
internal import CBrokerProtos

package struct ReadLines: Sendable, Hashable {
    package var path: [UInt8]
    /// The wire knows no window of no lines: that is one to the end of the file.
    package var window: LineWindow

    package init(path: [UInt8], window: LineWindow = LineWindow()) {
        self.path = path
        self.window = window
    }
}

extension ReadLines: WireMessage {
    init(_ message: Agentbroker__V1__ReadLines) {
        path = MessageReader.bytes(message.path)
        window = LineWindow(offset: message.offset, limit: message.limit == 0 ? nil : message.limit)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReadLines> {
        let message = builder.make(agentbroker__v1__read_lines__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.offset = window.offset
        message.pointee.limit = window.limit ?? 0
        return message
    }
}

extension LinePage: WireMessage {
    init(_ message: Agentbroker__V1__ReadLinesReply) throws(BackendError) {
        guard let info = message.info else {
            throw BackendError(.protocolError, message: "an answer tells nothing of the file: the broker is at fault")
        }
        self.init(
            info: FileInfo(info.pointee),
            text: MessageReader.bytes(message.text),
            lines: message.lines,
            totalLines: message.total_lines,
            isTruncated: message.truncated != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReadLinesReply> {
        let message = builder.make(agentbroker__v1__read_lines_reply__init)
        message.pointee.info = info.build(builder)
        message.pointee.text = builder.bytes(text)
        message.pointee.lines = lines
        message.pointee.total_lines = totalLines
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}
