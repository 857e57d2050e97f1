internal import AgentBackend
internal import AuditLog
internal import NIOCore
internal import Synchronization

/// Has recorded what was refused before it came to be a call: tokens that are not known, and what a front refuses itself.
/// In the log of the org that the token is of, or, where it is nobody's, in the broker's own. Nobody waits for it. How
/// many records that makes is bounded, see ``RefusalTally``. Safe to use from any thread.
final class RefusalAudit: Sendable {
    private let log: AuditLog
    private let time: BrokerTime
    private let tally = Mutex(RefusalTally())

    init(_ log: AuditLog, time: BrokerTime) {
        self.log = log
        self.time = time
    }

    func tokenRefused(_ stranger: Stranger) {
        add(
            FrontRefusal("hello", .token, subject: "a token that is not known", code: .authFailed),
            log: AuditFiles.brokersOwn,
            // Whoever guesses claims another one each time.
            tokenID: "",
            from: stranger.address
        ) {
            AuditCaller(
                tokenID: stranger.tokenID,
                tokenName: "",
                connection: stranger.connection,
                peer: Self.name(of: stranger.address),
                client: stranger.clientName
            )
        }
    }

    func refused(_ refusal: FrontRefusal, by principal: Principal?, from address: SocketAddress?) {
        add(
            refusal,
            log: principal?.org.name ?? AuditFiles.brokersOwn,
            tokenID: principal?.tokenID ?? "",
            from: address
        ) {
            AuditCaller(
                tokenID: principal?.tokenID ?? "",
                tokenName: principal?.tokenName ?? "",
                connection: 0,
                peer: Self.name(of: address),
                client: "http"
            )
        }
    }

    /// `caller`: asked for only where it is recorded. Most of a flood is not.
    private func add(
        _ refusal: FrontRefusal,
        log name: String,
        tokenID: String,
        from address: SocketAddress?,
        by caller: () -> AuditCaller
    ) {
        let source = RefusalTally.Source(
            tokenID: tokenID,
            address: address.flatMap { IPAddress($0)?.subscriber },
            operation: refusal.operation,
            kind: refusal.kind,
            code: refusal.code,
            key: refusal.key
        )
        let now = time.elapsed()
        guard let count = tally.withLock({ $0.refused(source, in: name, at: now) }) else { return }
        let kinds = count.isOfOneSource ? "this kind" : "several kinds"
        let times = count.number > 1 ? " (\(count.number) of \(kinds) within a minute)" : ""
        // As much as a record takes, whatever the request was.
        let room = OperationRecord.maximumSubjectLength - times.utf8.count
        let subject = WorkspacePath.printable(refusal.subject.utf8.prefix(room))
        let record = OperationRecord(
            operation: refusal.operation,
            org: name,
            key: refusal.key,
            scope: refusal.scope,
            subject: String(decoding: subject.utf8.prefix(room), as: UTF8.self) + times,
            failure: refusal.code,
            time: time.wallClock()
        )
        log.add(AuditEvent(.call, record, by: caller()))
    }

    private static func name(of address: SocketAddress?) -> String { address?.hostAndPort ?? "unix" }
}
