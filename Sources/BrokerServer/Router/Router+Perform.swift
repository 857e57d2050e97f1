package import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// Calls that wait.
extension Router {
    package nonisolated func perform(
        _ call: Call,
        in session: Session,
        stream: any CallStream
    ) async throws(BackendError) -> Answer {
        guard let tracer = broker.tracer else { return try await performUntraced(call, in: session, stream: stream) }
        return try await tracer.trace(call, of: session.principal.org) { () throws(BackendError) in
            try await performUntraced(call, in: session, stream: stream)
        }
    }

    private nonisolated func performUntraced(
        _ call: Call,
        in session: Session,
        stream: any CallStream
    ) async throws(BackendError) -> Answer {
        guard let audit = broker.audit else {
            return try await performUnaudited(call, in: session, stream: stream) {}
        }
        return try await audit.perform(call, in: session) { began throws(BackendError) in
            try await performUnaudited(call, in: session, stream: stream, began)
        }
    }

    /// `began`: called before it is carried out, which it is not where an earlier call with its key was.
    private nonisolated func performUnaudited(
        _ call: Call,
        in session: Session,
        stream: any CallStream,
        _ began: () -> Void
    ) async throws(BackendError) -> Answer {
        guard let key = call.idempotencyKey else { return try await performAnew(call, in: session, stream: stream) }
        do throws(BackendError) {
            return try await performOnce(key, call, in: session, stream: stream, began)
        } catch {
            throw error.during(call.operation.name)
        }
    }

    nonisolated func performAnew(
        _ call: Call,
        in session: Session,
        stream: any CallStream
    ) async throws(BackendError) -> Answer {
        do throws(BackendError) {
            if case .execStart(let start) = call.operation, start.isDetached {
                return try await start.performDetached(call, in: session, of: broker, stream)
            }
            switch call.operation.verb {
            case .session(let verb): return try await verb.perform(call, in: session, of: broker)
            case .stream(let verb): return try await verb.perform(call, in: session, of: broker, stream)
            case .entry(let verb): return try await perform(verb, call, session, stream)
            case .upload(let verb): return try await perform(verb, call, session, stream)
            }
        } catch {
            throw error.during(call.operation.name)
        }
    }

    private nonisolated func perform(
        _ verb: any EntryVerb,
        _ call: Call,
        _ session: Session,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        // What was attempted before was checked there. What has an idempotency key was not attempted.
        if type(of: verb).isModifying { try session.principal.authorizeWrite() }
        let use = try await session.use(call, of: broker)
        defer { session.endUse(use, of: broker.pool) }
        let entry = use.entry
        let counters = broker.counters[session.principal.org]
        let isExec = verb is ExecStart
        if isExec { counters.execsRunning.add(1, ordering: .relaxed) }
        defer { if isExec { counters.execsRunning.subtract(1, ordering: .relaxed) } }

        let start = ContinuousClock.now
        do throws(BackendError) {
            let backend = try entry.view(call.target?.scopePath ?? []).backend
            let answer = try await entry.run(stream) { () throws(BackendError) in
                guard case .execStart(let start) = call.operation else {
                    return try await verb.perform(on: backend, stream)
                }
                let number = broker.numbers.take()
                let trace = CommandTrace(call, broker.tracer)
                defer {
                    session.commands[call.id] = nil
                    broker.commands.ended(number)
                    trace.finish()
                }
                do throws(BackendError) {
                    return try await start.traced(by: trace).perform(
                        on: backend,
                        stream,
                        began: { command, outputs in
                            session.commands[call.id] = command
                            broker.commands.began(
                                number,
                                command,
                                line: entry.log.line(of: start),
                                isInBackground: false,
                                in: entry,
                                scope: call.target?.scopePath ?? [],
                                outputs: outputs
                            )
                        },
                        ended: { end in
                            counters.execEnded(end)
                            trace.ended(end)
                        }
                    )
                } catch {
                    trace.failed(error)
                    throw error
                }
            }
            entry.record(type(of: verb), call, .done(answer), since: start)
            return answer
        } catch {
            entry.record(type(of: verb), call, .failed(error), since: start)
            throw error
        }
    }

    private nonisolated func perform(
        _ verb: any UploadVerb,
        _ call: Call,
        _ session: Session,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        try session.principal.authorizeWrite()
        let use = try await session.use(call, of: broker)
        defer { session.endUse(use, of: broker.pool) }
        let entry = use.entry
        let start = ContinuousClock.now
        do throws(BackendError) {
            let scope = try WorkspacePath(call.target?.scopePath ?? [])
            let place = UploadPlace(uploads: broker.uploads, entry: entry, scope: scope)
            let answer = try await entry.run(stream) { () throws(BackendError) in
                try await verb.perform(in: place, stream)
            }
            entry.record(type(of: verb).name, call, .done(answer), duration: start.duration(to: .now))
            return answer
        } catch {
            entry.record(type(of: verb).name, call, .failed(error), duration: start.duration(to: .now))
            throw error
        }
    }
}

extension BackendEntry {
    fileprivate func record(
        _ verb: any EntryVerb.Type,
        _ call: Call,
        _ outcome: Attempt,
        since start: ContinuousClock.Instant
    ) {
        guard log.records(isModifying: verb.isModifying) else { return }
        record(verb.name, call, outcome, duration: start.duration(to: .now))
    }

    func record(_ operation: String, _ call: Call, _ outcome: Attempt, duration: Duration) {
        let verb: any Verb
        switch call.operation.verb {
        case .entry(let given): verb = given
        case .upload(let given): verb = given
        case .session, .stream: return
        }
        let isModifying = type(of: verb).isModifying
        guard log.records(isModifying: isModifying, hasFailed: outcome.hasFailed) else { return }
        var record = OperationRecord(operation: operation, duration: duration)
        record.scope = WorkspacePath.printable(call.target?.scopePath ?? [])
        record.subject = WorkspacePath.printable(verb.subject)
        switch outcome {
        case .done(let answer):
            record.fill(answer)
        case .failed(let error): record.failure = error.code
        // Recorded when it is carried out.
        case .putOff, .wait: return
        }
        if case .execStart(let start) = call.operation {
            log.record(record, isModifying: isModifying, environment: start.environment)
        } else {
            log.record(record, isModifying: isModifying)
        }
    }
}

extension Attempt {
    fileprivate var hasFailed: Bool {
        if case .failed = self { true } else { false }
    }
}

extension OperationRecord {
    /// What an answer tells of what was done.
    mutating func fill(_ answer: Answer) {
        bytes = answer.streamedBytes ?? UInt64(answer.payload.readableBytes)
        switch answer.reply {
        case .write(let info), .uploadFinish(let info): bytes = info.size
        case .execEnd(let end):
            answer.outputs?.fill(&self)
            exitCode = end.end.outcome.exitCode
        default: break
        }
    }
}

extension Operation {
    var name: String {
        switch verb {
        case .entry(let verb): type(of: verb).name
        case .upload(let verb): type(of: verb).name
        case .session(let verb): type(of: verb).name
        case .stream(let verb): type(of: verb).name
        }
    }
}
