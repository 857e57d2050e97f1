package import AgentBackend
internal import CBrokerProtos

/// The version of the protocol that this build speaks.
package let protocolVersion: UInt32 = 1

/// Numbers for ``ClientFrame/requires``; those of `Feature` in `session.proto`.
package enum Feature: UInt32, Sendable, CaseIterable {
    case lanes = 1
    case callDeadline = 2
    case queueDeadline = 3
    case writeModes = 4
    case processDeadline = 5
    case expectedEtag = 6
    case entryLimits = 7
    case backgroundExecs = 8
    case terminals = 9
    case execLimits = 10
    case conditionalChanges = 11
    case idempotencyKeys = 12
    case archives = 14
    case watch = 13
    case transfers = 15
}

/// First message of a client.
package struct Hello: Sendable, Hashable {
    package var versions: ClosedRange<UInt32>
    package var token: String
    package var clientName: String

    package init(versions: ClosedRange<UInt32> = protocolVersion...protocolVersion, token: String, clientName: String) {
        self.versions = versions
        self.token = token
        self.clientName = clientName
    }
}

extension Hello: WireMessage {
    init(_ message: Agentbroker__V1__Hello) throws(BackendError) {
        guard message.min_version <= message.max_version else {
            throw BackendError(.invalidArgument, message: "hello.min_version is above hello.max_version: swap them")
        }
        versions = message.min_version...message.max_version
        token = try MessageReader.string(message.token, "hello.token")
        clientName = try MessageReader.string(message.client_name, "hello.client_name")
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Hello> {
        let message = builder.make(agentbroker__v1__hello__init)
        message.pointee.min_version = versions.lowerBound
        message.pointee.max_version = versions.upperBound
        message.pointee.token = builder.string(token)
        message.pointee.client_name = builder.string(clientName)
        return message
    }
}

/// What both sides keep to on a connection. Bytes, but where the name says otherwise.
package struct SessionLimits: Sendable, Hashable {
    package var maximumFrameLength: UInt32
    package var maximumHeadLength: UInt32
    package var streamWindow: UInt32
    package var connectionWindow: UInt32
    package var maximumCallsInFlight: UInt32
    package var keepaliveInterval: Duration

    package init(
        maximumFrameLength: UInt32 = UInt32(FrameHeader.defaultMaximumMessageLength),
        maximumHeadLength: UInt32 = UInt32(FrameHeader.defaultMaximumHeadLength),
        streamWindow: UInt32 = 1 << 20,
        connectionWindow: UInt32 = 16 << 20,
        maximumCallsInFlight: UInt32 = 1024,
        keepaliveInterval: Duration = .seconds(30)
    ) {
        self.maximumFrameLength = maximumFrameLength
        self.maximumHeadLength = maximumHeadLength
        self.streamWindow = streamWindow
        self.connectionWindow = connectionWindow
        self.maximumCallsInFlight = maximumCallsInFlight
        self.keepaliveInterval = keepaliveInterval
    }
}

extension SessionLimits: WireMessage {
    init(_ message: Agentbroker__V1__SessionLimits) {
        self.init(
            maximumFrameLength: message.max_frame_bytes,
            maximumHeadLength: message.max_head_bytes,
            streamWindow: message.stream_window_bytes,
            connectionWindow: message.connection_window_bytes,
            maximumCallsInFlight: message.max_calls_in_flight,
            keepaliveInterval: .milliseconds(message.keepalive_interval_ms)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__SessionLimits> {
        let message = builder.make(agentbroker__v1__session_limits__init)
        message.pointee.max_frame_bytes = maximumFrameLength
        message.pointee.max_head_bytes = maximumHeadLength
        message.pointee.stream_window_bytes = streamWindow
        message.pointee.connection_window_bytes = connectionWindow
        message.pointee.max_calls_in_flight = maximumCallsInFlight
        message.pointee.keepalive_interval_ms = UInt32(clamping: keepaliveInterval.inMilliseconds)
        return message
    }
}

/// The answer to a hello that was accepted.
package struct HelloReply: Sendable, Hashable {
    package var version: UInt32
    package var serverVersion: String
    package var features: [UInt32]
    package var node: String
    package var org: String
    package var limits: SessionLimits
    /// Milliseconds since 1970-01-01 UTC.
    package var serverTime: UInt64
    /// Of this run of the broker.
    package var instance: UInt64
    /// What the token is.
    package var isOperator: Bool
    package var isReadOnly: Bool

    package init(
        version: UInt32,
        serverVersion: String,
        features: [UInt32],
        node: String,
        org: String,
        limits: SessionLimits,
        serverTime: UInt64,
        instance: UInt64 = 0,
        isOperator: Bool = false,
        isReadOnly: Bool = false
    ) {
        self.version = version
        self.serverVersion = serverVersion
        self.features = features
        self.node = node
        self.org = org
        self.limits = limits
        self.serverTime = serverTime
        self.instance = instance
        self.isOperator = isOperator
        self.isReadOnly = isReadOnly
    }
}

extension HelloReply: WireMessage {
    init(_ message: Agentbroker__V1__HelloReply) throws(BackendError) {
        version = message.version
        serverVersion = try MessageReader.string(message.server_version, "hello_reply.server_version")
        features = try MessageReader.array(message.features, count: message.n_features) { $0.rawValue }
        node = try MessageReader.string(message.node, "hello_reply.node")
        org = try MessageReader.string(message.org, "hello_reply.org")
        limits = message.limits.map { SessionLimits($0.pointee) } ?? SessionLimits()
        serverTime = message.server_time_ms
        instance = message.instance
        isOperator = message.is_operator != 0
        isReadOnly = message.is_read_only != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__HelloReply> {
        let message = builder.make(agentbroker__v1__hello_reply__init)
        message.pointee.version = version
        message.pointee.server_version = builder.string(serverVersion)
        message.pointee.n_features = features.count
        message.pointee.features = builder.array(features) { Agentbroker__V1__Feature(rawValue: $0) }
        message.pointee.node = builder.string(node)
        message.pointee.org = builder.string(org)
        message.pointee.limits = limits.build(builder)
        message.pointee.server_time_ms = serverTime
        message.pointee.instance = instance
        message.pointee.is_operator = isOperator ? 1 : 0
        message.pointee.is_read_only = isReadOnly ? 1 : 0
        return message
    }
}

/// The sender of it starts nothing more on this connection.
package struct GoAway: Sendable {
    /// Nil: a planned shutdown.
    package var error: BackendError?
    /// Calls above it were never started.
    package var lastID: UInt64
    /// How long calls in flight have before the connection is closed.
    package var drain: Duration

    package init(error: BackendError?, lastID: UInt64, drain: Duration = .zero) {
        self.error = error
        self.lastID = lastID
        self.drain = drain
    }
}

extension GoAway: WireMessage {
    init(_ message: Agentbroker__V1__GoAway) throws(BackendError) {
        error = nil
        if let inner = message.error { error = try BackendError(inner.pointee) }
        lastID = message.last_id
        drain = .milliseconds(message.drain_ms)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__GoAway> {
        let message = builder.make(agentbroker__v1__go_away__init)
        message.pointee.error = error?.build(builder)
        message.pointee.last_id = lastID
        message.pointee.drain_ms = UInt32(clamping: drain.inMilliseconds)
        return message
    }
}
