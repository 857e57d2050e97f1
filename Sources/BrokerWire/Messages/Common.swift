package import AgentBackend
internal import CBrokerProtos
internal import CProtobufC

/// What a call works on.
package struct Target: Sendable, Hashable {
    package var backend: BackendType
    package var key: String
    /// As it was given. Empty: the whole workspace.
    package var scopePath: [UInt8]
    /// 0: none.
    package var lease: UInt64

    package init(backend: BackendType = .localFilesystem, key: String, scopePath: [UInt8] = [], lease: UInt64 = 0) {
        self.backend = backend
        self.key = key
        self.scopePath = scopePath
        self.lease = lease
    }
}

extension Target: WireMessage {
    init(_ message: Agentbroker__V1__Target) throws(BackendError) {
        backend = try BackendType(wire: message.backend) ?? .localFilesystem
        key = try MessageReader.string(message.key, "target.key")
        scopePath = MessageReader.bytes(message.scope_path)
        lease = message.lease
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Target> {
        let message = builder.make(agentbroker__v1__target__init)
        message.pointee.backend = backend.wire
        message.pointee.key = builder.string(key)
        message.pointee.scope_path = builder.bytes(scopePath)
        message.pointee.lease = lease
        return message
    }
}

extension BackendType {
    /// Nil: none was given.
    init?(wire: Agentbroker__V1__BackendType) throws(BackendError) {
        switch wire {
        case AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_UNSPECIFIED: return nil
        case AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_LOCAL_FILESYSTEM: self = .localFilesystem
        case AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_MEMORY: self = .memory
        case AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_REMOTE_FILESYSTEM: self = .remoteFilesystem
        default: throw MessageReader.unknownValue("backend", wire.rawValue)
        }
    }

    var wire: Agentbroker__V1__BackendType {
        switch self {
        case .localFilesystem: AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_LOCAL_FILESYSTEM
        case .memory: AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_MEMORY
        case .remoteFilesystem: AGENTBROKER__V1__BACKEND_TYPE__BACKEND_TYPE_REMOTE_FILESYSTEM
        }
    }
}

extension FileInfo: WireMessage {
    init(_ message: Agentbroker__V1__FileInfo) {
        self.init(
            kind: Kind(rawValue: message.type.rawValue),
            size: message.size,
            modifiedNanoseconds: message.modified_ns,
            permissions: message.permissions,
            // One that this build cannot hold is as good as none.
            etag: Etag(wire: message.etag)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__FileInfo> {
        let message = builder.make(agentbroker__v1__file_info__init)
        message.pointee.type = Agentbroker__V1__FileType(rawValue: kind?.rawValue ?? 0)
        message.pointee.size = size
        message.pointee.modified_ns = modifiedNanoseconds
        message.pointee.permissions = permissions
        message.pointee.etag = builder.etag(etag)
        return message
    }
}

extension Etag {
    /// Nil for none, and for one that is too long.
    init?(wire data: ProtobufCBinaryData) {
        guard data.len > 0, let start = data.data,
            let etag = try? Etag(UnsafeBufferPointer(start: start, count: data.len))
        else { return nil }
        self = etag
    }
}

extension MessageReader {
    /// Nil for none. One that cannot be held is `INVALID_ARGUMENT`: it must not be taken for none, and what depends on it
    /// be done without the condition.
    static func etag(_ data: ProtobufCBinaryData) throws(BackendError) -> Etag? {
        let bytes = bytes(data)
        return bytes.isEmpty ? nil : try Etag(bytes)
    }
}

extension MessageBuilder {
    func etag(_ etag: Etag?) -> ProtobufCBinaryData {
        etag.map { bytes($0.bytes) } ?? ProtobufCBinaryData()
    }
}

extension Environment {
    init(
        wire: UnsafeMutablePointer<UnsafeMutablePointer<Agentbroker__V1__EnvironmentVariable>?>?,
        count: Int
    ) throws(BackendError) {
        self.init()
        guard let wire else { return }
        for variable in UnsafeBufferPointer(start: wire, count: count) {
            guard let variable = variable?.pointee else { continue }
            try set(MessageReader.bytes(variable.name), to: MessageReader.bytes(variable.value))
        }
    }

    func build(
        _ builder: MessageBuilder
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<Agentbroker__V1__EnvironmentVariable>?>? {
        builder.array(variables) { variable in
            let message = builder.make(agentbroker__v1__environment_variable__init)
            message.pointee.name = builder.bytes(variable.name)
            message.pointee.value = builder.bytes(variable.value)
            return message
        }
    }
}
