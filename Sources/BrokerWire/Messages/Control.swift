internal import AgentBackend
internal import CBrokerProtos

/// Whose counters are asked for.
package struct Stats: Sendable, Hashable {
    /// Empty: those of the token's org; for an operator, of all together.
    package var org: String

    package init(org: String = "") {
        self.org = org
    }
}

extension Stats: WireMessage {
    init(_ message: Agentbroker__V1__Stats) throws(BackendError) {
        org = try MessageReader.string(message.org, "stats.org")
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Stats> {
        let message = builder.make(agentbroker__v1__stats__init)
        message.pointee.org = builder.string(org)
        return message
    }
}

/// Follows operations.
package struct FollowLogs: Sendable, Hashable {
    /// Empty: that of the token; for an operator, all.
    package var org: String
    /// Also those that change nothing.
    package var isVerbose: Bool

    package init(org: String = "", isVerbose: Bool = false) {
        self.org = org
        self.isVerbose = isVerbose
    }
}

extension FollowLogs: WireMessage {
    init(_ message: Agentbroker__V1__Logs) throws(BackendError) {
        org = try MessageReader.string(message.org, "logs.org")
        isVerbose = message.verbose != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Logs> {
        let message = builder.make(agentbroker__v1__logs__init)
        message.pointee.org = builder.string(org)
        message.pointee.verbose = isVerbose ? 1 : 0
        return message
    }
}

/// What a reload came to.
package struct ReloadReply: Sendable, Hashable {
    /// For people.
    package var changes: [String]
    package var connectionsEnded: UInt32

    package init(changes: [String], connectionsEnded: UInt32) {
        self.changes = changes
        self.connectionsEnded = connectionsEnded
    }
}

extension ReloadReply: WireMessage {
    init(_ message: Agentbroker__V1__ReloadReply) throws(BackendError) {
        changes = try MessageReader.array(message.changes, count: message.n_changes) { text throws(BackendError) in
            try MessageReader.string(text, "reload_reply.changes")
        }
        connectionsEnded = message.connections_ended
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReloadReply> {
        let message = builder.make(agentbroker__v1__reload_reply__init)
        message.pointee.n_changes = changes.count
        message.pointee.changes = builder.array(changes) { builder.string($0) }
        message.pointee.connections_ended = connectionsEnded
        return message
    }
}
