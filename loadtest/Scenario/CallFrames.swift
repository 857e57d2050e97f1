internal import NIOCore

extension Workload {
    /// The frame of a call, with an id.
    func frame(_ call: Call, id: UInt64) -> ByteBuffer {
        var payload: [UInt8]?
        var writer = ProtobufWriter()
        writer.writeVarint(id, field: 1)
        writer.writeMessage(field: 2) { target in
            target.writeVarint(backend.wireNumber, field: 1)
            target.writeBytes(keyName(call).utf8, field: 2)
        }
        writer.writeVarint(1, field: 3)
        let path = path(call.file)
        writer.writeMessage(field: call.kind.field) { message in
            switch call.kind {
            case .echo: payload = echoPayload(call)
            case .read, .stat: message.writeBytes(path.utf8, field: 1)
            case .missing: message.writeBytes(Self.missingPath.utf8, field: 1)
            case .list: message.writeBytes(Self.directory.utf8, field: 1)
            case .write:
                message.writeBytes(path.utf8, field: 1)
                payload = contents(call).bytes(call.version)
            case .edit:
                let contents = contents(call)
                message.writeBytes(path.utf8, field: 1)
                message.writeMessage(field: 2) { edit in
                    edit.writeBytes(contents.head(call.version - 1).utf8, field: 1)
                    edit.writeBytes(contents.head(call.version).utf8, field: 2)
                }
            case .grep:
                message.writeBytes(" version ".utf8, field: 1)
                message.writeBytes(Self.directory.utf8, field: 4)
            case .test, .run, .sleep:
                message.writeBytes(shellLine(call).utf8, field: 1)
            }
        }
        if let payload { writer.writePayloadHead(count: payload.count) }
        let length = writer.bytes.count + (payload?.count ?? 0)
        var frame = ByteBuffer()
        frame.reserveCapacity(length + FrameHeader.length)
        frame.writeBytes(FrameHeader.bytes(length: length))
        frame.writeBytes(writer.bytes)
        if let payload { frame.writeBytes(payload) }
        return frame
    }

    /// Bytes that draw the server's credit.
    func payloadLength(_ call: Call) -> Int {
        switch call.kind {
        case .echo: echoSize(call)
        case .write: contents(call).size(call.version)
        default: 0
        }
    }

    /// What a command does: prints something that only the right command in the right place prints.
    func shellLine(_ call: Call) -> String {
        switch call.kind {
        case .run: "echo \(runOutput(call))"
        case .sleep: "sleep 0.4 && echo \(runOutput(call))"
        default: "head -n 1 \(path(call.file)) && wc -c < \(path(call.file))"
        }
    }

    func runOutput(_ call: Call) -> String { "org-\(call.org) \(call.stamp)" }
}
