package import AgentBackend
internal import CBrokerProtos

// Paths are as they were given; the broker cleans them.

package struct Exists: Sendable, Hashable {
    package var path: [UInt8]

    package init(path: [UInt8]) {
        self.path = path
    }
}

extension Exists: WireMessage {
    init(_ message: Agentbroker__V1__Exists) {
        path = MessageReader.bytes(message.path)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Exists> {
        let message = builder.make(agentbroker__v1__exists__init)
        message.pointee.path = builder.bytes(path)
        return message
    }
}

package struct Mkdir: Sendable, Hashable {
    package var path: [UInt8]
    package var options: MkdirOptions

    package init(path: [UInt8], options: MkdirOptions = MkdirOptions()) {
        self.path = path
        self.options = options
    }
}

extension Mkdir: WireMessage {
    init(_ message: Agentbroker__V1__Mkdir) {
        path = MessageReader.bytes(message.path)
        options = MkdirOptions(recursive: message.recursive != 0)
        if message.permissions != 0 { options.permissions = message.permissions }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Mkdir> {
        let message = builder.make(agentbroker__v1__mkdir__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.recursive = options.recursive ? 1 : 0
        message.pointee.permissions = options.permissions
        return message
    }
}

package struct Touch: Sendable, Hashable {
    package var path: [UInt8]

    package init(path: [UInt8]) {
        self.path = path
    }
}

extension Touch: WireMessage {
    init(_ message: Agentbroker__V1__Touch) {
        path = MessageReader.bytes(message.path)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Touch> {
        let message = builder.make(agentbroker__v1__touch__init)
        message.pointee.path = builder.bytes(path)
        return message
    }
}

package struct Rename: Sendable, Hashable {
    package var path: [UInt8]
    package var destination: [UInt8]
    package var options: RenameOptions

    package init(path: [UInt8], destination: [UInt8], options: RenameOptions = RenameOptions()) {
        self.path = path
        self.destination = destination
        self.options = options
    }
}

extension Rename: WireMessage {
    init(_ message: Agentbroker__V1__Rename) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        destination = MessageReader.bytes(message.destination)
        options = RenameOptions(replacesExisting: message.no_replace == 0)
        options.expectedEtag = try MessageReader.etag(message.expected_etag)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Rename> {
        let message = builder.make(agentbroker__v1__rename__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.destination = builder.bytes(destination)
        message.pointee.no_replace = options.replacesExisting ? 0 : 1
        message.pointee.expected_etag = builder.etag(options.expectedEtag)
        return message
    }
}

package struct Copy: Sendable, Hashable {
    package var path: [UInt8]
    package var destination: [UInt8]
    package var options: CopyOptions

    package init(path: [UInt8], destination: [UInt8], options: CopyOptions = CopyOptions()) {
        self.path = path
        self.destination = destination
        self.options = options
    }
}

extension Copy: WireMessage {
    init(_ message: Agentbroker__V1__Copy) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        destination = MessageReader.bytes(message.destination)
        options = CopyOptions(recursive: message.recursive != 0, replacesExisting: message.no_replace == 0)
        options.expectedEtag = try MessageReader.etag(message.expected_etag)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Copy> {
        let message = builder.make(agentbroker__v1__copy__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.destination = builder.bytes(destination)
        message.pointee.recursive = options.recursive ? 1 : 0
        message.pointee.no_replace = options.replacesExisting ? 0 : 1
        message.pointee.expected_etag = builder.etag(options.expectedEtag)
        return message
    }
}

extension CopyResult: WireMessage {
    init(_ message: Agentbroker__V1__CopyReply) {
        self.init(files: message.files, bytes: message.bytes)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__CopyReply> {
        let message = builder.make(agentbroker__v1__copy_reply__init)
        message.pointee.files = files
        message.pointee.bytes = bytes
        return message
    }
}

package struct Chmod: Sendable, Hashable {
    package var path: [UInt8]
    package var permissions: UInt32

    package init(path: [UInt8], permissions: UInt32) {
        self.path = path
        self.permissions = permissions
    }
}

extension Chmod: WireMessage {
    init(_ message: Agentbroker__V1__Chmod) {
        path = MessageReader.bytes(message.path)
        permissions = message.permissions
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Chmod> {
        let message = builder.make(agentbroker__v1__chmod__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.permissions = permissions
        return message
    }
}

package struct Symlink: Sendable, Hashable {
    package var path: [UInt8]
    package var target: [UInt8]

    package init(path: [UInt8], target: [UInt8]) {
        self.path = path
        self.target = target
    }
}

extension Symlink: WireMessage {
    init(_ message: Agentbroker__V1__Symlink) {
        path = MessageReader.bytes(message.path)
        target = MessageReader.bytes(message.target)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Symlink> {
        let message = builder.make(agentbroker__v1__symlink__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.target = builder.bytes(target)
        return message
    }
}
