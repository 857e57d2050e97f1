package import AgentBackend

/// Who makes the calls of one connection. Immutable; shared by all its events.
package final class AuditCaller: Sendable {
    package let tokenID: String
    package let tokenName: String
    /// Counts up since the broker's start.
    package let connection: UInt64
    /// Its address; "unix" of a unix socket.
    package let peer: String
    /// As the client calls itself.
    package let client: String

    package init(tokenID: String, tokenName: String, connection: UInt64, peer: String, client: String) {
        self.tokenID = tokenID
        self.tokenName = tokenName
        self.connection = connection
        self.peer = peer
        self.client = client
    }

    static let longestName = 256

    var footprint: Int { tokenID.utf8.count + tokenName.utf8.count + peer.utf8.count + client.utf8.count }
}

/// Something that was done, refused or is about to be done, for the audit log of an org.
package struct AuditEvent: Sendable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A call came to its end.
        case call
        /// A call is about to be carried out; its end is recorded as well.
        case intent
        /// A command in the background came to its end.
        case end
    }

    package var kind: Kind
    /// What was done. The outputs of a command are not recorded.
    package var operation: OperationRecord
    package var caller: AuditCaller
    /// How a command ended.
    package var commandEnd: String?
    /// The command in the background that it is about.
    package var exec: UInt64?
    /// The answer of an earlier call with the same idempotency key was given again: nothing was done.
    package var isReplay = false
    /// The trace that it belongs to, as W3C Trace Context names it.
    package var trace: String?
    /// Sequence of the record of the intent.
    package var intent: UInt64?

    package init(_ kind: Kind, _ operation: OperationRecord, by caller: AuditCaller) {
        self.kind = kind
        self.operation = operation
        self.caller = caller
    }

    /// About what it takes in memory; bytes.
    var footprint: Int { MemoryLayout<AuditEvent>.size + operation.footprint + caller.footprint }
}
