internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend
internal import NIOCore

/// Brings each call to the pooled entry that its org and key name. One per event loop, on which it runs; it keeps
/// nothing of an org or a connection.
package actor Router: RequestHandler {
    private nonisolated let eventLoop: any EventLoop
    nonisolated let broker: BrokerCore
    /// Room for a batch, so that it need not be made for each.
    @exclusivity(unchecked) private var spareBatch = CallBatch()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    init(eventLoop: any EventLoop, broker: BrokerCore) {
        self.eventLoop = eventLoop
        self.broker = broker
    }

    package nonisolated func inIsolation(_ body: @Sendable (isolated any RequestHandler) -> Void) {
        assumeIsolated { body($0) }
    }

    package func attempt(_ call: Call, in session: Session) -> Attempt {
        guard let audit = broker.audit else { return attemptUnaudited(call, in: session) }
        return audit.attempt(call, in: session) { attemptUnaudited(call, in: session) }
    }

    private func attemptUnaudited(_ call: Call, in session: Session) -> Attempt {
        if let refusal = session.refusal(of: call) { return .failed(refusal) }
        if call.options.special != nil, call.idempotencyKey != nil { return .wait }
        // Spelled out rather than through `Operation.verb`, so that no existential is made per call.
        switch call.operation {
        case .echo: return attempt(Echo(), call, session)
        case .read(let verb): return attempt(verb, call, session)
        case .write(let verb): return attempt(verb, call, session)
        case .readdir(let verb): return attempt(verb, call, session)
        case .stat(let verb): return attempt(verb, call, session)
        case .rm(let verb): return attempt(verb, call, session)
        case .exists(let verb): return attempt(verb, call, session)
        case .mkdir(let verb): return attempt(verb, call, session)
        case .touch(let verb): return attempt(verb, call, session)
        case .rename(let verb): return attempt(verb, call, session)
        case .copy(let verb): return attempt(verb, call, session)
        case .glob(let verb): return attempt(verb, call, session)
        case .grep(let verb): return attempt(verb, call, session)
        case .edit(let verb): return attempt(verb, call, session)
        case .readLines(let verb): return attempt(verb, call, session)
        case .statMany(let verb): return attempt(verb, call, session)
        case .readMany(let verb): return attempt(verb, call, session)
        case .chmod(let verb): return attempt(verb, call, session)
        case .symlink(let verb): return attempt(verb, call, session)
        case .tree(let verb): return attempt(verb, call, session)
        case .diskUsage(let verb): return attempt(verb, call, session)
        case .archive(let verb): return attempt(verb, call, session)
        case .extract(let verb): return attempt(verb, call, session)
        case .watch(let verb): return attempt(verb, call, session)
        case .checksum(let verb): return attempt(verb, call, session)
        case .listKeys(let verb): return attempt(verb, call, session)
        case .deleteKey(let verb): return attempt(verb, call, session)
        case .clearKeys: return attempt(ClearKeys(), call, session)
        case .execStart(let verb): return attempt(verb, call, session)
        case .acquire, .release, .describe, .listWorkspaces, .deleteWorkspace, .stats, .connections, .pools, .logs,
            .reload, .drain, .audit, .listEntries, .listCommands, .killCommand, .destroyEntry, .execList, .execAttach,
            .execWait, .execSignal, .execResize, .uploadBegin, .uploadAppend, .uploadFinish, .uploadAbort:
            // One that streams always waits.
            guard case .session(let verb) = call.operation.verb else { return .wait }
            return Attempt(verb.attempt(call.target, in: session, of: broker), type(of: verb).name)
        }
    }

    private func attempt(_ verb: some EntryVerb, _ call: Call, _ session: Session) -> Attempt {
        attempt(verb, call, session, named: type(of: verb).name)
    }

    private func attempt<V: EntryVerb>(_ verb: V, _ call: Call, _ session: Session, named name: String) -> Attempt {
        do throws(BackendError) {
            if session.batch.isEmpty { swap(&session.batch, &spareBatch) }
            // Where nothing was added, the room is not the session's to keep.
            defer { if session.batch.isEmpty { swap(&session.batch, &spareBatch) } }
            guard let place = try session.place(of: call, V.self, of: broker) else { return .wait }
            if V.attemptsFiles, session.batch.changesIdentity(at: place) {
                session.batch.putOff(call, at: place)
                return .putOff
            }
            guard session.batch.isRecorded(at: place, isModifying: V.isModifying) else {
                return Attempt(session.batch.attempt(verb, call, at: place), name)
            }
            let start = ContinuousClock.now
            let outcome = Attempt(session.batch.attempt(verb, call, at: place), name)
            if session.concludes(call, with: outcome) {
                session.batch.entry(at: place).record(name, call, outcome, duration: start.duration(to: .now))
            }
            return outcome
        } catch {
            return .failed(error.during(name))
        }
    }

    /// The calls on local files of one batch run as the org's user together: to become it and to return costs more
    /// than reading a small file.
    package func finishBatch(
        in session: Session,
        _ finish: @Sendable (isolated any RequestHandler, Call, Attempt) -> Void
    ) {
        var batch = CallBatch()
        swap(&batch, &session.batch)
        let duration = batch.calls.isEmpty ? .zero : attempt(&batch, as: session.principal.org.identity)
        batch.release(to: broker.pool)
        batch.takeOutcomes { call, entry, outcome in
            if entry.log.records(isModifying: false), session.concludes(call, with: outcome) {
                entry.record(call.operation.name, call, outcome, duration: duration)
            }
            broker.audit?.attempted(call, outcome, in: session)
            finish(self, call, outcome)
        }
        batch.removeAll()
        if batch.capacity >= spareBatch.capacity { spareBatch = batch }
    }

    /// How long each call took, in the mean.
    private func attempt(_ batch: inout CallBatch, as identity: HostIdentity?) -> Duration {
        let start = ContinuousClock.now
        FileIdentity.perform(as: identity) { batch.attempt() }
        return start.duration(to: .now) / batch.calls.count
    }

    package nonisolated func sessionRenewed(_ session: Session, _ principal: Principal) {
        session.renew(principal, releasingTo: broker.pool)
    }

    package nonisolated func sessionEnded(_ session: Session) {
        session.releaseAll(to: broker.pool)
    }
}

extension Attempt {
    init(_ outcome: consuming NonBlocking<Answer>, _ operation: @autoclosure () -> String) {
        self =
            switch consume outcome {
            case .done(let answer): .done(answer)
            case .failed(let error): .failed(error.during(operation()))
            case .wouldBlock: .wait
            }
    }
}

extension Session {
    /// False for a read that is made once more when its answer can be sent, and recorded then.
    fileprivate func concludes(_ call: Call, with outcome: Attempt) -> Bool {
        guard case .done(let answer) = outcome, case .read = call.operation else { return true }
        return canSend(answer.payload.readableBytes)
    }
}
