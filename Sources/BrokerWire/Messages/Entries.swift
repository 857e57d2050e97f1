package import AgentBackend
internal import CBrokerProtos

package struct ListEntries: Sendable, Hashable {
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

extension ListEntries: WireMessage {
    init(_ message: Agentbroker__V1__ListEntries) throws(BackendError) {
        org = try MessageReader.string(message.org, "list_entries.org")
        after = message.after
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListEntries> {
        let message = builder.make(agentbroker__v1__list_entries__init)
        message.pointee.org = builder.string(org)
        message.pointee.after = after
        message.pointee.limit = limit
        return message
    }
}

/// A pooled entry as it is at one moment; see `operations.proto`.
package struct ListedEntry: Sendable, Hashable {
    package enum State: UInt32, Sendable, Hashable {
        case waiting = 1
        case creating
        case leased
        case idle
    }

    package var number: UInt64
    package var org: String
    package var key: String
    package var backend: BackendType
    package var state: State
    package var leases: UInt32 = 0
    package var waiters: UInt32 = 0
    package var age = Duration.zero
    package var idle = Duration.zero
    package var commandsRunning: UInt32 = 0
    package var bytes: UInt64 = 0

    package init(number: UInt64, org: String, key: String, backend: BackendType, state: State) {
        self.number = number
        self.org = org
        self.key = key
        self.backend = backend
        self.state = state
    }
}

extension ListedEntry: WireMessage {
    init(_ message: Agentbroker__V1__Entry) throws(BackendError) {
        guard let state = State(rawValue: message.state.rawValue) else {
            throw MessageReader.unknownValue("entry.state", message.state.rawValue)
        }
        self.init(
            number: message.number,
            org: try MessageReader.string(message.org, "entry.org"),
            key: try MessageReader.string(message.key, "entry.key"),
            backend: try BackendType(wire: message.backend) ?? .localFilesystem,
            state: state
        )
        leases = message.leases
        waiters = message.waiters
        age = .milliseconds(Int64(clamping: message.age_ms))
        idle = .milliseconds(Int64(clamping: message.idle_ms))
        commandsRunning = message.commands_running
        bytes = message.bytes
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Entry> {
        let message = builder.make(agentbroker__v1__entry__init)
        message.pointee.number = number
        message.pointee.org = builder.string(org)
        message.pointee.key = builder.string(key)
        message.pointee.backend = backend.wire
        message.pointee.state = Agentbroker__V1__EntryState(rawValue: state.rawValue)
        message.pointee.leases = leases
        message.pointee.waiters = waiters
        message.pointee.age_ms = age.inMilliseconds
        message.pointee.idle_ms = idle.inMilliseconds
        message.pointee.commands_running = commandsRunning
        message.pointee.bytes = bytes
        return message
    }
}

package struct EntryPage: Sendable, Hashable {
    package var entries: [ListedEntry]
    package var isTruncated: Bool

    package init(entries: [ListedEntry], isTruncated: Bool) {
        self.entries = entries
        self.isTruncated = isTruncated
    }
}

extension EntryPage: WireMessage {
    init(_ message: Agentbroker__V1__ListEntriesReply) throws(BackendError) {
        entries = try MessageReader.array(message.entries, count: message.n_entries) { entry throws(BackendError) in
            guard let entry = entry?.pointee else { throw MessageCodec.malformed }
            return try ListedEntry(entry)
        }
        isTruncated = message.truncated != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ListEntriesReply> {
        let message = builder.make(agentbroker__v1__list_entries_reply__init)
        message.pointee.n_entries = entries.count
        message.pointee.entries = builder.array(entries) { $0.build(builder) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

/// Destroys the entry of a key.
package struct DestroyEntry: Sendable, Hashable {
    /// Empty: that of the token.
    package var org: String
    package var key: String
    package var backend: BackendType

    package init(org: String = "", key: String, backend: BackendType = .localFilesystem) {
        self.org = org
        self.key = key
        self.backend = backend
    }
}

extension DestroyEntry: WireMessage {
    init(_ message: Agentbroker__V1__DestroyEntry) throws(BackendError) {
        org = try MessageReader.string(message.org, "destroy_entry.org")
        key = try MessageReader.string(message.key, "destroy_entry.key")
        backend = try BackendType(wire: message.backend) ?? .localFilesystem
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DestroyEntry> {
        let message = builder.make(agentbroker__v1__destroy_entry__init)
        message.pointee.org = builder.string(org)
        message.pointee.key = builder.string(key)
        message.pointee.backend = backend.wire
        return message
    }
}
