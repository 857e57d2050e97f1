package import AgentBackend
internal import CBrokerProtos

extension EntryLimits: WireMessage {
    init(_ message: Agentbroker__V1__EntryLimits) {
        self.init(
            maximumFileBytes: message.max_file_bytes == 0 ? nil : message.max_file_bytes,
            maximumExecTimeout: Duration(wireMilliseconds: message.max_exec_timeout_ms),
            maximumMemoryBytes: message.max_memory_bytes == 0 ? nil : message.max_memory_bytes,
            maximumLeases: message.max_leases == 0 ? nil : Int(message.max_leases),
            exec: message.exec.map { ExecLimits($0.pointee) } ?? ExecLimits()
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__EntryLimits> {
        let message = builder.make(agentbroker__v1__entry_limits__init)
        message.pointee.max_file_bytes = maximumFileBytes ?? 0
        message.pointee.max_exec_timeout_ms = maximumExecTimeout?.inMilliseconds ?? 0
        message.pointee.max_memory_bytes = maximumMemoryBytes ?? 0
        message.pointee.max_leases = UInt32(clamping: maximumLeases ?? 0)
        if exec != ExecLimits() { message.pointee.exec = exec.build(builder) }
        return message
    }
}

extension EntryConfiguration: WireMessage {
    init(_ message: Agentbroker__V1__EntryConfiguration) throws(BackendError) {
        self.init(
            environment: try Environment(wire: message.environment, count: message.n_environment),
            logMode: try OperationsLogMode(wire: message.log_mode),
            limits: message.limits.map { EntryLimits($0.pointee) } ?? EntryLimits(),
            idleTimeout: Duration(wireMilliseconds: message.idle_timeout_ms)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__EntryConfiguration> {
        let message = builder.make(agentbroker__v1__entry_configuration__init)
        message.pointee.n_environment = environment.variables.count
        message.pointee.environment = environment.build(builder)
        message.pointee.log_mode = Agentbroker__V1__LogMode(rawValue: logMode?.rawValue ?? 0)
        if limits != EntryLimits() { message.pointee.limits = limits.build(builder) }
        message.pointee.idle_timeout_ms = idleTimeout?.inMilliseconds ?? 0
        return message
    }
}

extension Duration {
    /// Nil: none was given.
    init?(wireMilliseconds milliseconds: UInt64) {
        guard milliseconds != 0 else { return nil }
        self = .milliseconds(min(milliseconds, UInt64(Int64.max)))
    }
}

extension OperationsLogMode {
    /// Nil: none was given.
    fileprivate init?(wire: Agentbroker__V1__LogMode) throws(BackendError) {
        guard wire.rawValue != 0 else { return nil }
        guard let mode = OperationsLogMode(rawValue: wire.rawValue) else {
            throw MessageReader.unknownValue("log_mode", wire.rawValue)
        }
        self = mode
    }
}

/// Takes a lease.
package struct Acquire: Sendable, Hashable {
    /// Nil: whatever the entry has.
    package var configuration: EntryConfiguration?

    package init(configuration: EntryConfiguration? = nil) {
        self.configuration = configuration
    }
}

extension Acquire: WireMessage {
    init(_ message: Agentbroker__V1__Acquire) throws(BackendError) {
        configuration = nil
        if let inner = message.configuration { configuration = try EntryConfiguration(inner.pointee) }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Acquire> {
        let message = builder.make(agentbroker__v1__acquire__init)
        message.pointee.configuration = configuration?.build(builder)
        return message
    }
}

package struct AcquireReply: Sendable, Hashable {
    package var lease: UInt64
    package var created: Bool

    package init(lease: UInt64, created: Bool) {
        self.lease = lease
        self.created = created
    }
}

extension AcquireReply: WireMessage {
    init(_ message: Agentbroker__V1__AcquireReply) {
        self.init(lease: message.lease, created: message.created != 0)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__AcquireReply> {
        let message = builder.make(agentbroker__v1__acquire_reply__init)
        message.pointee.lease = lease
        message.pointee.created = created ? 1 : 0
        return message
    }
}

/// Gives a lease back.
package struct Release: Sendable, Hashable {
    package var lease: UInt64

    package init(lease: UInt64) {
        self.lease = lease
    }
}

extension Release: WireMessage {
    init(_ message: Agentbroker__V1__Release) {
        self.init(lease: message.lease)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Release> {
        let message = builder.make(agentbroker__v1__release__init)
        message.pointee.lease = lease
        return message
    }
}

/// What the target's entry is.
package struct DescribeReply: Sendable, Hashable {
    package var backend: BackendType
    package var key: String
    package var isLive: Bool
    package var leases: UInt32
    package var idle: Duration
    /// Empty: it runs no commands.
    package var isolation: String
    package var root: String
    package var environmentNames: [[UInt8]]
    package var logMode: OperationsLogMode?
    package var scopes: [[UInt8]]

    package init(
        backend: BackendType,
        key: String,
        isLive: Bool,
        leases: UInt32 = 0,
        idle: Duration = .zero,
        isolation: String = "",
        root: String = WorkspacePath.rootName,
        environmentNames: [[UInt8]] = [],
        logMode: OperationsLogMode? = nil,
        scopes: [[UInt8]] = []
    ) {
        self.backend = backend
        self.key = key
        self.isLive = isLive
        self.leases = leases
        self.idle = idle
        self.isolation = isolation
        self.root = root
        self.environmentNames = environmentNames
        self.logMode = logMode
        self.scopes = scopes
    }
}

extension DescribeReply: WireMessage {
    init(_ message: Agentbroker__V1__DescribeReply) throws(BackendError) {
        self.init(
            backend: try BackendType(wire: message.backend) ?? .localFilesystem,
            key: try MessageReader.string(message.key, "describe_reply.key"),
            isLive: message.live != 0,
            leases: message.leases,
            idle: .milliseconds(message.idle_ms),
            isolation: try MessageReader.string(message.isolation, "describe_reply.isolation"),
            root: try MessageReader.string(message.root, "describe_reply.root"),
            environmentNames: try MessageReader.array(
                message.environment_names,
                count: message.n_environment_names,
                MessageReader.bytes
            ),
            logMode: try OperationsLogMode(wire: message.log_mode),
            scopes: try MessageReader.array(message.scopes, count: message.n_scopes, MessageReader.bytes)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DescribeReply> {
        let message = builder.make(agentbroker__v1__describe_reply__init)
        message.pointee.backend = backend.wire
        message.pointee.key = builder.string(key)
        message.pointee.live = isLive ? 1 : 0
        message.pointee.leases = leases
        message.pointee.idle_ms = idle.inMilliseconds
        message.pointee.isolation = builder.string(isolation)
        message.pointee.root = builder.string(root)
        message.pointee.n_environment_names = environmentNames.count
        message.pointee.environment_names = builder.array(environmentNames, builder.bytes)
        message.pointee.log_mode = Agentbroker__V1__LogMode(rawValue: logMode?.rawValue ?? 0)
        message.pointee.n_scopes = scopes.count
        message.pointee.scopes = builder.array(scopes, builder.bytes)
        return message
    }
}
