internal import AgentBackend
internal import AuditLog
internal import BackendPool
internal import BrokerWire
internal import LocalBackend
internal import Synchronization

/// Has calls recorded in the audit log, by the policy of the broker. Safe to use from any thread; what takes a session is
/// for its event loop.
///
/// - `gap`: what came of a call is handed to the log, and nobody waits. Of a command its beginning as well, for it may run
///   for long.
/// - `refuse`: that a call is about to be carried out is recorded before it is, and what came of it before it is answered.
///   So nothing is ever done without a trace, also where the broker is killed in the middle of it; a call whose intent
///   cannot be recorded is refused, and has done nothing. Where only the outcome cannot be, the answer is given, and a
///   record of a gap follows.
final class CallAudit: Sendable {
    let log: AuditLog
    /// Of what was refused before it came to be a call.
    let refusals: RefusalAudit
    private let pool: BrokerCore.Pool
    private let tenancy: Tenancy
    private let commands: LiveCommands
    private let isStrict: Atomic<Bool>

    init(_ log: AuditLog, pool: BrokerCore.Pool, tenancy: Tenancy, commands: LiveCommands, time: BrokerTime) {
        self.log = log
        refusals = RefusalAudit(log, time: time)
        self.pool = pool
        self.tenancy = tenancy
        self.commands = commands
        isStrict = Atomic(log.settings.onFailure == .refuse)
    }

    /// Takes effect with the next call.
    func update(_ settings: AuditSettings) {
        log.update(settings)
        isStrict.store(settings.onFailure == .refuse, ordering: .relaxed)
    }

    private var recordsIntents: Bool { isStrict.load(ordering: .relaxed) }

    // MARK: Calls

    /// Around an attempt of a call on the spot.
    func attempt(_ call: Call, in session: Session, _ body: () -> Attempt) -> Attempt {
        guard call.operation.isAudited else {
            let outcome = body()
            attempted(call, outcome, in: session)
            return outcome
        }
        // Recording an intent takes a wait.
        if recordsIntents, session.refusal(of: call) == nil { return .wait }
        let start = ContinuousClock.now
        // The call may give it back.
        let held = heldLease(of: call, in: session)
        let outcome = body()
        // Not before: a call that waits drafts its own.
        switch outcome {
        case .done(let answer): log.add(draft(call, held, in: session).done(answer, since: start))
        case .failed(let error): log.add(draft(call, held, in: session).failed(error, since: start))
        case .putOff, .wait: break
        }
        return outcome
    }

    /// A call that changes nothing was attempted.
    func attempted(_ call: Call, _ outcome: Attempt, in session: Session) {
        if case .failed(let error) = outcome { refused(call, error, in: session) }
    }

    /// Around a call that waits. `body` says when it begins to carry out the call; where it does not, the answer is that
    /// of an earlier one.
    func perform(
        _ call: Call,
        in session: Session,
        _ body: (_ began: () -> Void) async throws(BackendError) -> Answer
    ) async throws(BackendError) -> Answer {
        guard call.operation.isAudited else {
            do throws(BackendError) {
                return try await body {}
            } catch {
                refused(call, error, in: session)
                throw error
            }
        }
        var draft = draft(call, heldLease(of: call, in: session), in: session)
        draft.intent = try await recordIntent(draft, of: call)
        draft.isReplay = call.idempotencyKey != nil
        let start = ContinuousClock.now
        do throws(BackendError) {
            let answer = try await body { draft.isReplay = false }
            await record(draft.done(answer, since: start))
            return answer
        } catch {
            // There was no room for its key.
            if error.code == .resourceExhausted { draft.isReplay = false }
            await record(draft.failed(error, since: start))
            throw error
        }
    }

    /// Nil: its sequence is not known.
    private func recordIntent(_ draft: AuditEvent, of call: Call) async throws(BackendError) -> UInt64? {
        var intent = draft
        intent.kind = .intent
        if recordsIntents { return try await log.record(intent) }
        if case .execStart = call.operation { log.add(intent) }
        return nil
    }

    private func record(_ event: AuditEvent) async {
        // What was done is answered for. That it could not be recorded the log says itself.
        if recordsIntents { _ = try? await log.record(event) } else { log.add(event) }
    }

    // MARK: Commands in the background

    /// For the end of a command that a call starts.
    func backgroundCommand(_ call: Call, in session: Session) -> BackgroundCommandAudit {
        var event = draft(call, heldLease(of: call, in: session), in: session)
        event.kind = .end
        return BackgroundCommandAudit(log: log, event: event)
    }

    // MARK: Refusals

    /// A call that changes nothing failed: recorded where it wanted what it may not have.
    private func refused(_ call: Call, _ error: BackendError, in session: Session) {
        guard error.isRefusal(of: call) else { return }
        log.add(draft(call, heldLease(of: call, in: session), in: session).failed(error, since: .now))
    }

    // MARK: Events

    private func heldLease(of call: Call, in session: Session) -> Session.HeldLease? {
        call.target.flatMap { $0.lease == 0 ? nil : session.leases[LeaseID(rawValue: $0.lease)] }
    }

    /// Texts are as long as their caller made them, up to the limit of a message: no more of them is kept than is written.
    private func draft(_ call: Call, _ held: Session.HeldLease?, in session: Session) -> AuditEvent {
        let (target, principal) = (call.target, session.principal)
        let subject = call.operation.auditedSubject
        // What it holds of the environment is found in a command line only while that is whole.
        let isWhole = if case .execStart = call.operation { true } else { false }
        var record = OperationRecord(
            operation: call.operation.name,
            org: org(of: call, principal),
            key: Self.bounded(call.operation.auditedKey ?? held?.key.name ?? target?.key ?? ""),
            scope: WorkspacePath.printable((target?.scopePath ?? []).prefix(Self.longestText)),
            subject: WorkspacePath.printable(isWhole ? subject[...] : subject.prefix(Self.longestText)),
            time: 0
        )
        if case .execStart(let start) = call.operation {
            let entry = held?.lease.entry ?? target.flatMap { liveEntry($0, principal.org.id) }
            record =
                entry?.log.redacted(record, environment: start.environment)
                ?? RecordRedaction(environment: principal.org.environment)
                .redact(record, environment: start.environment)
        }
        if isWhole { record = record.withBoundedSubject().record }
        if case .killCommand(let kill) = call.operation, let command = commands[kill.number],
            command.entry.org.name == record.org
        {
            record.key = command.entry.key
            record.scope = WorkspacePath.printable(command.scope)
        }
        var event = AuditEvent(.call, record, by: session.auditCaller)
        event.exec = call.operation.auditedExec
        event.trace = call.traceParent?.trace
        event.operation.time = systemWallClock()
        return event
    }

    private static let longestText = OperationRecord.maximumSubjectLength

    private static func bounded(_ text: String) -> String {
        text.utf8.count > longestText ? String(decoding: text.utf8.prefix(longestText), as: UTF8.self) : text
    }

    /// Whose log it belongs to: the caller's org, or, of an operator's, the one that it is done to.
    private func org(of call: Call, _ principal: Principal) -> String {
        guard principal.isOperator, let name = call.operation.auditedOrg,
            let org = tenancy.current.orgs[name]
        else { return principal.org.name }
        return org.name
    }

    private func liveEntry(_ target: Target, _ org: Org.ID) -> BackendEntry? {
        pool.peek(PoolKey(org: org, type: target.backend, name: target.key))
    }
}

/// What is recorded when a command in the background has ended. Safe to use from any thread.
struct BackgroundCommandAudit: Sendable {
    fileprivate let log: AuditLog
    fileprivate let event: AuditEvent

    func ended(_ exec: UInt64, _ answer: Answer, since start: ContinuousClock.Instant) {
        var event = event.done(answer, since: start)
        event.exec = exec
        log.add(event)
    }
}

extension AuditEvent {
    fileprivate func done(_ answer: Answer, since start: ContinuousClock.Instant) -> AuditEvent {
        var event = ended(since: start)
        event.operation.fill(answer)
        // Standard output and error are not the log's.
        (event.operation.standardOutput, event.operation.standardError) = ([], [])
        switch answer.reply {
        case .execEnd(let end): event.commandEnd = end.end.outcome.name
        case .execStarted(let started) where started.exec != 0: event.exec = started.exec
        default: break
        }
        return event
    }

    fileprivate func failed(_ error: BackendError, since start: ContinuousClock.Instant) -> AuditEvent {
        var event = ended(since: start)
        event.operation.failure = error.code
        return event
    }

    private func ended(since start: ContinuousClock.Instant) -> AuditEvent {
        var event = self
        event.operation.duration = start.duration(to: .now)
        event.operation.time = systemWallClock()
        return event
    }
}

extension BackendError {
    /// Whoever called wanted what they may not have, or tried what nobody should.
    fileprivate func isRefusal(of call: Call) -> Bool {
        switch code {
        case .permissionDenied, .pathEscapeAttempt, .dangerousOperation: true
        // Another's, or none.
        case .notFound: call.operation.auditedExec != nil
        case .invalidArgument: call.target.map { !$0.key.isEmpty && !Name.isValid($0.key.utf8) } ?? false
        default: false
        }
    }
}
