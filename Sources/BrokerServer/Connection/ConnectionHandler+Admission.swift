internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What a connection has reserved of its org's rate, and not yet accounted for.
struct CallAllowance {
    /// Calls that may still begin. Less than zero: so much is owed for what came beside them.
    var calls = 0
    /// Bytes that went either way.
    var bytes = 0

    /// Calls that are reserved at a time.
    static var batch: Int { 64 }
    /// Bytes after which they are accounted for, whatever else there is to do.
    static var maximumBytes: Int { 1 << 20 }
}

/// A call that waits to be begun.
struct ParkedCall {
    let call: Call
    let ticket: CallAdmissionTicket
    /// What it waits for; nil: for its turn by the rate.
    let slot: CallAdmissionSlot?
}

/// Which calls begin at once, and which wait for their turn, by the limits of their org.
extension ConnectionHandler: CallAdmissionClient {
    /// A call whose turn in its lane has come.
    func begin(_ call: Call, _ session: Session, _ handler: isolated any RequestHandler) {
        if call.operation.isInspection {
            allowance.calls -= 1
            return finish(call, handler.attempt(call, in: session), session, handler)
        }
        guard hasAllowance(session) else {
            let entry = settings.admission.waitForRate(request(call, session), waiter(call, session, slot: nil))
            return follow(entry, call, slot: nil, session, handler)
        }
        allowance.calls -= 1
        finish(call, handler.attempt(call, in: session), session, handler)
    }

    /// A call that cannot be answered on the spot.
    func enter(_ call: Call, _ session: Session, _ handler: isolated any RequestHandler) {
        let org = session.org
        guard let slot = call.slot else {
            if call.operation.isBoundedInspection {
                do throws(BackendError) {
                    try settings.admission.beginInspection(org)
                } catch {
                    return finish(call, .failed(error), session, handler)
                }
            }
            if calls[call.id] == nil { settings.admission.keep(call.size, org: org) }
            return startTask(call, session, nil)
        }
        let entry = settings.admission.enter(slot, request(call, session), waiter(call, session, slot: slot))
        follow(entry, call, slot: slot, session, handler)
    }

    private func follow(
        _ entry: CallAdmission.Machine.Entry,
        _ call: Call,
        slot: CallAdmissionSlot?,
        _ session: Session,
        _ handler: isolated any RequestHandler
    ) {
        switch entry {
        case .proceed:
            startTask(call, session, slot)
        case .wait(let ticket, _):
            let call = call.detached
            if calls[call.id] == nil { register(call, holding: call.size) }
            calls[call.id]?.parked = ParkedCall(call: call, ticket: ticket, slot: slot)
        case .refuse(let error):
            finish(call, .failed(error), session, handler)
        }
    }

    private func request(_ call: Call, _ session: Session) -> CallAdmission.Machine.Request {
        let active = calls.isEmpty ? nil : calls[call.id]
        return CallAdmission.Machine.Request(
            org: session.org,
            bytes: active == nil ? call.size : 0,
            since: active?.queuedSince,
            patience: call.options.queueDeadline
        )
    }

    private func waiter(_ call: Call, _ session: Session, slot: CallAdmissionSlot?) -> CallAdmission.Waiter {
        CallAdmission.Waiter(client: self, org: session.org, call: call.id, slot: slot)
    }

    // MARK: What became of those that waited

    func admitted(_ id: UInt64, since: Duration) -> Bool {
        guard let parked = calls[id]?.parked, let session else { return false }
        calls[id]?.parked = nil
        calls[id]?.queuedSince = since
        if let slot = parked.slot {
            startTask(parked.call, session, slot)
        } else {
            handler.inIsolation { finish(parked.call, $0.attempt(parked.call, in: session), session, $0) }
            finishBatchOutsideRead(session)
            settle(session)
        }
        return true
    }

    func refused(_ id: UInt64, _ error: BackendError) {
        guard let active = calls[id], let parked = active.parked, let session else { return }
        calls[id] = nil
        close(active)
        send(ServerFrame(id: id, body: .error(error.during(parked.call.operation.name))))
        ended(active.operation, error.code, since: active.arrival, cause: error, outlivesDrain: active.outlivesDrain)
        if !machine.isClosed { startNext(active.lane, session) }
    }

    func keepSlot(of call: UInt64) -> HeldSlot? {
        guard let slot = calls[call]?.slot, let session else { return nil }
        calls[call]?.slot = nil
        return HeldSlot(slot, of: session.org, from: settings.admission)
    }

    // MARK: The rate

    private func hasAllowance(_ session: Session) -> Bool {
        if allowance.calls > 0, allowance.bytes < CallAllowance.maximumBytes { return true }
        settle(session)
        allowance.calls = settings.admission.reserve(session.org, upTo: CallAllowance.batch)
        return allowance.calls > 0
    }

    /// A batch is over: what it did not use is given back, what it moved is paid for.
    func settle(_ session: Session) {
        guard allowance.calls != 0 || allowance.bytes > 0 else { return }
        let org = session.org
        let owed = settings.admission.settle(org, unused: allowance.calls, bytes: allowance.bytes)
        allowance = CallAllowance()
        if owed > .zero { pause(owing: owed) }
    }

    func pace() async {
        guard let session else { return }
        if !isReadingBatch { settle(session) }
        await settings.admission.pace(session.org)
    }

    // MARK: Bytes that come after their call

    /// Bytes arrived for a call, which ends where its org may not have the broker keep them.
    func keep(_ bytes: Int, of id: UInt64) {
        guard bytes > 0, let session, let call = calls[id] else { return }
        do throws(BackendError) {
            try settings.admission.hold(bytes, org: session.org)
            calls[id]?.heldBytes += bytes
        } catch {
            cancelCall(id, call.isRunning ? error.maybeExecuting : error)
        }
    }

    /// A call has used up what arrived for it.
    func letGo(_ bytes: Int, of call: UInt64) {
        guard let session, calls[call] != nil else { return }
        calls[call]?.heldBytes -= bytes
        settings.admission.leave(nil, bytes: bytes, org: session.org)
    }
}

extension BackendError {
    /// The same, of a call that had begun.
    var maybeExecuting: BackendError {
        BackendError(
            code,
            message: message,
            isRetryable: isRetryable,
            maybeExecuted: true,
            retryAfter: retryAfter,
            limit: limit
        )
    }
}

extension Call {
    /// What it needs when it is not answered on the spot. Nil: nothing.
    fileprivate var slot: CallAdmissionSlot? {
        switch operation {
        case .execStart: .command
        default: operation.isInspection ? nil : .call
        }
    }
}

extension Operation {
    /// It asks what goes on, or what operators ask for: it has to be heard when an org is at its limits.
    fileprivate var isInspection: Bool {
        switch self {
        case .stats, .pools, .connections, .logs, .reload, .drain, .listEntries, .listCommands, .killCommand,
            .destroyEntry, .audit:
            true
        default: false
        }
    }

    /// Such a one that waits, and has no bound of its own.
    var isBoundedInspection: Bool {
        switch self {
        case .connections, .reload, .listEntries, .killCommand, .audit: true
        default: false
        }
    }
}
