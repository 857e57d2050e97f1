package import AgentBackend
internal import CBrokerProtos

package struct ListKeys: Sendable, Hashable {
    package var prefix: [UInt8]
    /// A limit of 0: the broker's.
    package var options: ListKeysOptions

    package init(prefix: [UInt8], options: ListKeysOptions = ListKeysOptions()) {
        self.prefix = prefix
        self.options = options
    }
}

extension ListKeys: WireMessage {
    init(_ message: Agentbroker__V1__ListKeys) {
        prefix = MessageReader.bytes(message.prefix)
        options = ListKeysOptions(after: MessageReader.bytes(message.after), limit: Int(message.limit))
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListKeys> {
        let message = builder.make(agentbroker__v1__list_keys__init)
        message.pointee.prefix = builder.bytes(prefix)
        message.pointee.after = builder.bytes(options.after)
        message.pointee.limit = UInt32(clamping: options.limit)
        return message
    }
}

extension KeyPage: WireMessage {
    /// Throws also for a key that is no path.
    init(_ message: Agentbroker__V1__ListKeysReply) throws(BackendError) {
        self.init(
            keys: try MessageReader.array(message.keys, count: message.n_keys) { key throws(BackendError) in
                try WorkspacePath(MessageReader.bytes(key))
            },
            isTruncated: message.truncated != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListKeysReply> {
        let message = builder.make(agentbroker__v1__list_keys_reply__init)
        message.pointee.n_keys = keys.count
        message.pointee.keys = builder.array(keys) { builder.bytes($0.bytes) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

package struct DeleteKey: Sendable, Hashable {
    package var key: [UInt8]

    package init(key: [UInt8]) {
        self.key = key
    }
}

extension DeleteKey: WireMessage {
    init(_ message: Agentbroker__V1__DeleteKey) {
        key = MessageReader.bytes(message.key)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DeleteKey> {
        let message = builder.make(agentbroker__v1__delete_key__init)
        message.pointee.key = builder.bytes(key)
        return message
    }
}
