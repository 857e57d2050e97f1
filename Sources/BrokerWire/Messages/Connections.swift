internal import AgentBackend
internal import CBrokerProtos

package struct ListConnections: Sendable, Hashable {
    /// Empty: that of the token; for an operator, all.
    package var org: String
    /// 0: from the start.
    package var after: UInt64
    /// 0: the broker's.
    package var limit: UInt32

    package init(org: String = "", after: UInt64 = 0, limit: UInt32 = 0) {
        self.org = org
        self.after = after
        self.limit = limit
    }
}

extension ListConnections: WireMessage {
    init(_ message: Agentbroker__V1__Connections) throws(BackendError) {
        org = try MessageReader.string(message.org, "connections.org")
        after = message.after
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Connections> {
        let message = builder.make(agentbroker__v1__connections__init)
        message.pointee.org = builder.string(org)
        message.pointee.after = after
        message.pointee.limit = limit
        return message
    }
}

/// A connection as it is at one moment; see `admin.proto`.
package struct ConnectionDescription: Sendable, Hashable {
    package var number: UInt64 = 0
    package var org = ""
    package var tokenID = ""
    package var tokenName = ""
    package var clientName = ""
    package var peer = ""
    package var age = Duration.zero
    package var callsInFlight: UInt32 = 0
    package var callsWaiting: UInt32 = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0

    package init() {}
}

extension ConnectionDescription: WireMessage {
    init(_ message: Agentbroker__V1__Connection) throws(BackendError) {
        number = message.number
        org = try MessageReader.string(message.org, "connection.org")
        tokenID = try MessageReader.string(message.token_id, "connection.token_id")
        tokenName = try MessageReader.string(message.token_name, "connection.token_name")
        clientName = try MessageReader.string(message.client_name, "connection.client_name")
        peer = try MessageReader.string(message.peer, "connection.peer")
        age = .milliseconds(Int64(clamping: message.age_ms))
        callsInFlight = message.calls_in_flight
        callsWaiting = message.calls_waiting
        bytesIn = message.bytes_in
        bytesOut = message.bytes_out
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Connection> {
        let message = builder.make(agentbroker__v1__connection__init)
        message.pointee.number = number
        message.pointee.org = builder.string(org)
        message.pointee.token_id = builder.string(tokenID)
        message.pointee.token_name = builder.string(tokenName)
        message.pointee.client_name = builder.string(clientName)
        message.pointee.peer = builder.string(peer)
        message.pointee.age_ms = age.inMilliseconds
        message.pointee.calls_in_flight = callsInFlight
        message.pointee.calls_waiting = callsWaiting
        message.pointee.bytes_in = bytesIn
        message.pointee.bytes_out = bytesOut
        return message
    }
}

package struct ConnectionPage: Sendable, Hashable {
    package var connections: [ConnectionDescription]
    package var isTruncated: Bool

    package init(connections: [ConnectionDescription], isTruncated: Bool) {
        self.connections = connections
        self.isTruncated = isTruncated
    }
}

extension ConnectionPage: WireMessage {
    init(_ message: Agentbroker__V1__ConnectionsReply) throws(BackendError) {
        connections = try MessageReader.array(message.connections, count: message.n_connections) {
            connection throws(BackendError) in
            guard let connection = connection?.pointee else { throw MessageCodec.malformed }
            return try ConnectionDescription(connection)
        }
        isTruncated = message.truncated != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ConnectionsReply> {
        let message = builder.make(agentbroker__v1__connections_reply__init)
        message.pointee.n_connections = connections.count
        message.pointee.connections = builder.array(connections) { $0.build(builder) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}
