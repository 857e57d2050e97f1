package import AgentBackend
internal import CBrokerProtos

// As they were given; the broker checks names and paths.

package struct UploadBegin: Sendable, Hashable {
    /// Its name.
    package var upload: String
    package var file: Write

    package init(upload: String, file: Write) {
        self.upload = upload
        self.file = file
    }
}

extension UploadBegin: WireMessage {
    init(_ message: Agentbroker__V1__UploadBegin) throws(BackendError) {
        upload = try MessageReader.string(message.name, "upload_begin.name")
        guard let file = message.file else {
            throw BackendError(.invalidArgument, message: "upload_begin names no file: say which one to write")
        }
        self.file = try Write(file.pointee)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__UploadBegin> {
        let message = builder.make(agentbroker__v1__upload_begin__init)
        message.pointee.name = builder.string(upload)
        message.pointee.file = file.build(builder)
        return message
    }
}

package struct UploadAppend: Sendable, Hashable {
    /// Its name.
    package var upload: String
    package var offset: UInt64

    package init(upload: String, offset: UInt64) {
        self.upload = upload
        self.offset = offset
    }
}

extension UploadAppend: WireMessage {
    init(_ message: Agentbroker__V1__UploadAppend) throws(BackendError) {
        upload = try MessageReader.string(message.name, "upload_append.name")
        offset = message.offset
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__UploadAppend> {
        let message = builder.make(agentbroker__v1__upload_append__init)
        message.pointee.name = builder.string(upload)
        message.pointee.offset = offset
        return message
    }
}

package struct UploadFinish: Sendable, Hashable {
    /// Its name.
    package var upload: String
    package var sha256: [UInt8]

    package init(upload: String, sha256: [UInt8]) {
        self.upload = upload
        self.sha256 = sha256
    }
}

extension UploadFinish: WireMessage {
    init(_ message: Agentbroker__V1__UploadFinish) throws(BackendError) {
        upload = try MessageReader.string(message.name, "upload_finish.name")
        sha256 = MessageReader.bytes(message.sha256)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__UploadFinish> {
        let message = builder.make(agentbroker__v1__upload_finish__init)
        message.pointee.name = builder.string(upload)
        message.pointee.sha256 = builder.bytes(sha256)
        return message
    }
}

package struct UploadAbort: Sendable, Hashable {
    /// Its name.
    package var upload: String

    package init(upload: String) {
        self.upload = upload
    }
}

extension UploadAbort: WireMessage {
    init(_ message: Agentbroker__V1__UploadAbort) throws(BackendError) {
        upload = try MessageReader.string(message.name, "upload_abort.name")
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__UploadAbort> {
        let message = builder.make(agentbroker__v1__upload_abort__init)
        message.pointee.name = builder.string(upload)
        return message
    }
}

package struct Checksum: Sendable, Hashable {
    package var path: [UInt8]
    package var range: ReadRange

    package init(path: [UInt8], range: ReadRange = .all) {
        self.path = path
        self.range = range
    }
}

extension Checksum: WireMessage {
    init(_ message: Agentbroker__V1__Checksum) {
        path = MessageReader.bytes(message.path)
        range = ReadRange(offset: message.offset, length: message.length == 0 ? nil : message.length)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Checksum> {
        let message = builder.make(agentbroker__v1__checksum__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.offset = range.offset
        message.pointee.length = range.length ?? 0
        return message
    }
}

extension FileChecksum: WireMessage {
    init(_ message: Agentbroker__V1__ChecksumReply) throws(BackendError) {
        guard let info = message.info else {
            throw BackendError(.protocolError, message: "an answer tells nothing of the file: the broker is at fault")
        }
        self.init(
            info: FileInfo(info.pointee),
            sha256: MessageReader.bytes(message.sha256),
            bytes: message.bytes
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ChecksumReply> {
        let message = builder.make(agentbroker__v1__checksum_reply__init)
        message.pointee.info = info.build(builder)
        message.pointee.sha256 = builder.bytes(sha256)
        message.pointee.bytes = bytes
        return message
    }
}
