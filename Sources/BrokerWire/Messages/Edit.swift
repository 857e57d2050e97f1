package import AgentBackend
internal import CBrokerProtos

package struct Edit: Sendable, Hashable {
    package var path: [UInt8]
    package var edits: [TextEdit]
    package var options: EditOptions

    package init(path: [UInt8], edits: [TextEdit], options: EditOptions = EditOptions()) {
        self.path = path
        self.edits = edits
        self.options = options
    }
}

extension Edit: WireMessage {
    init(_ message: Agentbroker__V1__Edit) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        edits = try MessageReader.array(message.edits, count: message.n_edits) { edit in
            guard let edit = edit?.pointee else { return TextEdit([], []) }
            return TextEdit(
                MessageReader.bytes(edit.old_text),
                MessageReader.bytes(edit.new_text),
                replacesAll: edit.replace_all != 0
            )
        }
        options = EditOptions(isDryRun: message.dry_run != 0)
        options.expectedEtag = try MessageReader.etag(message.expected_etag)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Edit> {
        let message = builder.make(agentbroker__v1__edit__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.n_edits = edits.count
        message.pointee.edits = builder.array(edits) { edit in
            let message = builder.make(agentbroker__v1__text_edit__init)
            message.pointee.old_text = builder.bytes(edit.old)
            message.pointee.new_text = builder.bytes(edit.new)
            message.pointee.replace_all = edit.replacesAll ? 1 : 0
            return message
        }
        message.pointee.expected_etag = builder.etag(options.expectedEtag)
        message.pointee.dry_run = options.isDryRun ? 1 : 0
        return message
    }
}

extension EditResult: WireMessage {
    init(_ message: Agentbroker__V1__EditReply) throws(BackendError) {
        guard let info = message.info else {
            throw BackendError(.protocolError, message: "an answer tells nothing of the file: the broker is at fault")
        }
        self.init(
            info: FileInfo(info.pointee),
            replacements: try MessageReader.array(message.replacements, count: message.n_replacements) { $0 },
            diff: message.diff_omitted != 0 ? nil : MessageReader.bytes(message.diff)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__EditReply> {
        let message = builder.make(agentbroker__v1__edit_reply__init)
        message.pointee.info = info.build(builder)
        message.pointee.n_replacements = replacements.count
        message.pointee.replacements = builder.array(replacements) { $0 }
        message.pointee.diff = builder.bytes(diff ?? [])
        message.pointee.diff_omitted = diff == nil ? 1 : 0
        return message
    }
}
