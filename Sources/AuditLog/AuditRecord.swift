internal import AgentBackend

/// A record of a log, as it is read.
package struct AuditRecord: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case call, intent, end
        /// The first of a file.
        case file
        /// The chain up to there is signed.
        case head
        /// Records are missing here, which could not be written.
        case gap
        /// The end of a record that was not written whole lies in a file of its own.
        case torn
        /// The log was not what had been signed when a broker went on with it.
        case cut

        /// Something that somebody did, or wanted to.
        package var isEvent: Bool { self == .call || self == .intent || self == .end }
    }

    package var sequence: UInt64
    /// Nanoseconds since 1970-01-01 UTC.
    package var time: Int64
    package var kind: Kind
    package var org: String
    package var key = ""
    package var scope = ""
    package var tokenID = ""
    package var tokenName = ""
    package var connection: UInt64 = 0
    package var peer = ""
    package var client = ""
    package var operation = ""
    package var subject = ""
    /// `ok`, or the code of the error. Empty: of an intent, and of what is no event.
    package var outcome = ""
    package var bytes: UInt64 = 0
    package var exitCode: UInt32?
    package var commandEnd = ""
    package var exec: UInt64?
    package var duration = Duration.zero
    package var isReplay = false
    package var trace = ""
    package var intent: UInt64?
    /// Of a gap: records that are missing.
    package var missing: UInt64 = 0
    /// As it stands in the log, without its line feed.
    package private(set) var line: [UInt8] = []

    package static let succeeded = "ok"

    package init(sequence: UInt64, time: Int64, kind: Kind, org: String) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.org = org
    }

    /// Refused or failed; also a command that exited with another code than 0.
    package var hasFailed: Bool { !outcome.isEmpty && outcome != Self.succeeded || exitCode ?? 0 != 0 }

    /// Nil: the line, without its line feed, is no record. Whether it was changed is for ``AuditVerifier`` to find.
    package init?(line: some RandomAccessCollection<UInt8>) {
        guard let members = AuditMembers(line) else { return nil }
        self.init(members)
        self.line = Array(line)
    }

    init?(_ members: AuditMembers) {
        guard let sequence = members.sequence("seq"), let time = members.integer("time_ns"),
            let kind = members.text("kind").flatMap(Kind.init)
        else { return nil }
        self.init(sequence: sequence, time: time, kind: kind, org: members.text("org") ?? "")
        key = members.text("key") ?? ""
        scope = members.text("scope") ?? ""
        tokenID = members.text("token_id") ?? ""
        tokenName = members.text("token") ?? ""
        connection = members.count("connection") ?? 0
        peer = members.text("peer") ?? ""
        client = members.text("client") ?? ""
        operation = members.text("operation") ?? ""
        subject = members.text("subject") ?? ""
        outcome = members.text("outcome") ?? ""
        bytes = members.count("bytes") ?? 0
        exitCode = members.integer("exit_code").flatMap { UInt32(exactly: $0) }
        commandEnd = members.text("end") ?? ""
        exec = members.count("exec")
        duration = .microseconds(members.integer("duration_us") ?? 0)
        isReplay = members["replay"] == .flag(true)
        intent = members.sequence("intent")
        trace = members.text("trace") ?? ""
        missing = members.count("missing") ?? 0
    }
}
