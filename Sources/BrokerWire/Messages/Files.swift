package import AgentBackend
internal import CBrokerProtos

// Paths are as they were given; the broker cleans them.

package struct Read: Sendable, Hashable {
    package var path: [UInt8]
    package var range: ReadRange

    package init(path: [UInt8], range: ReadRange = .all) {
        self.path = path
        self.range = range
    }
}

extension Read: WireMessage {
    init(_ message: Agentbroker__V1__Read) {
        path = MessageReader.bytes(message.path)
        range = ReadRange(offset: message.offset, length: message.length == 0 ? nil : message.length)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Read> {
        let message = builder.make(agentbroker__v1__read__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.offset = range.offset
        message.pointee.length = range.length ?? 0
        return message
    }
}

package struct Write: Sendable, Hashable {
    package var path: [UInt8]
    package var options: WriteOptions

    package init(path: [UInt8], options: WriteOptions = WriteOptions()) {
        self.path = path
        self.options = options
    }
}

extension Write: WireMessage {
    init(_ message: Agentbroker__V1__Write) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        guard let mode = WriteOptions.Mode(rawValue: message.mode.rawValue) else {
            throw MessageReader.unknownValue("write.mode", message.mode.rawValue)
        }
        guard let durability = WriteOptions.Durability(rawValue: message.durability.rawValue) else {
            throw MessageReader.unknownValue("write.durability", message.durability.rawValue)
        }
        options = WriteOptions(mode: mode, durability: durability)
        if message.permissions != 0 { options.permissions = message.permissions }
        options.expectedEtag = try MessageReader.etag(message.expected_etag)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Write> {
        let message = builder.make(agentbroker__v1__write__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.mode = Agentbroker__V1__WriteMode(rawValue: options.mode.rawValue)
        message.pointee.permissions = options.permissions
        message.pointee.durability = Agentbroker__V1__Durability(rawValue: options.durability.rawValue)
        message.pointee.expected_etag = builder.etag(options.expectedEtag)
        return message
    }
}

package struct Readdir: Sendable, Hashable {
    package var path: [UInt8]
    /// A limit of 0: the broker's.
    package var options: ReaddirOptions

    package init(path: [UInt8], options: ReaddirOptions = ReaddirOptions()) {
        self.path = path
        self.options = options
    }
}

extension Readdir: WireMessage {
    init(_ message: Agentbroker__V1__Readdir) {
        path = MessageReader.bytes(message.path)
        options = ReaddirOptions(
            withDetails: message.details != 0,
            after: MessageReader.bytes(message.after),
            limit: Int(message.limit)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Readdir> {
        let message = builder.make(agentbroker__v1__readdir__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.details = options.withDetails ? 1 : 0
        message.pointee.after = builder.bytes(options.after)
        message.pointee.limit = UInt32(clamping: options.limit)
        return message
    }
}

extension DirectoryPage: WireMessage {
    init(_ message: Agentbroker__V1__ReaddirReply) throws(BackendError) {
        self.init(
            entries: try MessageReader.array(message.entries, count: message.n_entries) { entry in
                guard let entry = entry?.pointee else { return DirectoryEntry(name: []) }
                return DirectoryEntry(
                    name: MessageReader.bytes(entry.name),
                    info: entry.info.map { FileInfo($0.pointee) }
                )
            },
            isTruncated: message.truncated != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReaddirReply> {
        let message = builder.make(agentbroker__v1__readdir_reply__init)
        message.pointee.n_entries = entries.count
        message.pointee.entries = builder.array(entries) { entry in
            let message = builder.make(agentbroker__v1__directory_entry__init)
            message.pointee.name = builder.bytes(entry.name)
            message.pointee.info = entry.info?.build(builder)
            return message
        }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

package struct Stat: Sendable, Hashable {
    package var path: [UInt8]
    package var followLink: Bool

    package init(path: [UInt8], followLink: Bool = true) {
        self.path = path
        self.followLink = followLink
    }
}

extension Stat: WireMessage {
    init(_ message: Agentbroker__V1__Stat) {
        path = MessageReader.bytes(message.path)
        followLink = message.no_follow == 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Stat> {
        let message = builder.make(agentbroker__v1__stat__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.no_follow = followLink ? 0 : 1
        return message
    }
}

package struct Rm: Sendable, Hashable {
    package var path: [UInt8]
    package var options: RemoveOptions

    package init(path: [UInt8], options: RemoveOptions = RemoveOptions()) {
        self.path = path
        self.options = options
    }
}

extension Rm: WireMessage {
    init(_ message: Agentbroker__V1__Rm) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        options = RemoveOptions(recursive: message.recursive != 0, force: message.force != 0)
        options.expectedEtag = try MessageReader.etag(message.expected_etag)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Rm> {
        let message = builder.make(agentbroker__v1__rm__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.recursive = options.recursive ? 1 : 0
        message.pointee.force = options.force ? 1 : 0
        message.pointee.expected_etag = builder.etag(options.expectedEtag)
        return message
    }
}
