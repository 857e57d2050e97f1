internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// A command that outlives its call.
extension ExecStart {
    /// Starts it. Recorded when it ends, or here where it cannot be started.
    func performDetached(
        _ call: Call,
        in session: Session,
        of broker: BrokerCore,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        try session.principal.authorizeWrite()
        guard !opensStandardInput else { throw Self.noInput }
        let use = try await session.use(call, of: broker)
        do throws(BackendError) {
            let ownLease = use.lease == nil ? try await session.leaseBeyond(use, call, of: broker) : nil
            let exec: BackgroundExec
            let trace = CommandTrace(call, broker.tracer)
            do throws(BackendError) {
                let start = try traced(by: trace)
                exec = try await start.begin(use.entry, use.lease ?? ownLease, call, session, broker, stream, trace)
            } catch {
                trace.failed(error)
                trace.finish()
                if let ownLease { broker.pool.release(ownLease) }
                throw error
            }
            // The call's lease is the command's now.
            session.endUse(Session.Use(entry: use.entry, lease: nil, held: use.held), of: broker.pool)
            return Answer(.execStarted(ExecStarted(isolation: exec.isolation, exec: exec.id)))
        } catch {
            session.endUse(use, of: broker.pool)
            use.entry.record(Self.name, call, .failed(error), duration: .zero)
            throw error
        }
    }

    private func begin(
        _ entry: BackendEntry,
        _ lease: LeaseID?,
        _ call: Call,
        _ session: Session,
        _ broker: BrokerCore,
        _ stream: any CallStream,
        _ trace: CommandTrace
    ) async throws(BackendError) -> BackgroundExec {
        let scope = try WorkspacePath(call.target?.scopePath ?? [])
        let backend = try entry.view(scope.bytes).backend
        var request = try request()
        request.timeout = request.timeout ?? defaultTimeout(entry, broker)
        let command = try await entry.run(stream) { [request] () throws(BackendError) in
            try await backend.start(request)
        }
        let start = ContinuousClock.now
        let counters = broker.counters[session.principal.org]
        let audit = broker.audit?.backgroundCommand(call, in: session)
        let line = entry.log.line(of: self)
        do throws(BackendError) {
            let member = try entry.backgroundBegan(command)
            let slot = stream.keepSlot()
            counters.execsRunning.add(1, ordering: .relaxed)
            let release = { @Sendable in
                counters.execsRunning.subtract(1, ordering: .relaxed)
                slot?.release()
                if let lease { broker.pool.release(lease) }
                entry.backgroundEnded(member)
            }
            do throws(BackendError) {
                return try broker.background.add(
                    command,
                    entry.backgroundOwner,
                    of: session.org,
                    line: subject,
                    scope: scope,
                    log: entry.log,
                    began: { exec in
                        broker.commands.began(
                            exec.id,
                            command,
                            line: line,
                            isInBackground: true,
                            in: entry,
                            scope: scope.bytes,
                            outputs: exec.outputs
                        )
                    }
                ) { [commands = broker.commands] exec, end in
                    commands.ended(exec.id)
                    release()
                    counters.execEnded(end)
                    trace.ended(end)
                    trace.finish()
                    let answer = Answer(.execEnd(ExecEndReply(end: end)), outputs: exec.outputs)
                    entry.record(Self.name, call, .done(answer), duration: start.duration(to: .now))
                    audit?.ended(exec.id, answer, since: start)
                }
            } catch {
                release()
                throw error
            }
        } catch {
            command.terminate()
            counters.execEnded(await command.waitForEnd())
            throw error
        }
    }

    /// Within what the entry may ask for.
    private func defaultTimeout(_ entry: BackendEntry, _ broker: BrokerCore) -> Duration {
        let exec = broker.configuration.current.exec
        let timeout = exec.defaultBackgroundTimeout ?? exec.maxTimeout
        return entry.configuration.limits.maximumExecTimeout.map { min($0, timeout) } ?? timeout
    }

    private static let noInput = BackendError(
        .invalidArgument,
        message: "a command in the background has no standard input: have it read a file"
    )
}
