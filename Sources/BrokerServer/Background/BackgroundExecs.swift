internal import AgentBackend
internal import BackendPool
internal import Synchronization

/// The commands of a broker that run in the background, and the last of those that ended. Safe to use from any thread;
/// ``run()`` has to be running for commands to be added.
///
/// One that runs has a lease of its entry, which is not idle therefore, and a place among the commands of its org.
final class BackgroundExecs: Sendable {
    typealias Ledger = BackgroundLedger<BackgroundOwner>

    /// What a command has while it runs, given back at its end.
    struct Job: Sendable {
        let exec: BackgroundExec
        let org: Org.ID
        let release: @Sendable (BackgroundExec, ExecEnd) -> Void
    }

    private struct State {
        var ledgers: [Org.ID: Ledger] = [:]
        var execs: [UInt64: BackgroundExec] = [:]
        /// None is added any more.
        var isClosed = false
    }

    private let state = Mutex(State())
    private let configuration: RunningConfiguration
    private let numbers: CommandNumbers
    private let wallClock: @Sendable () -> Int64
    /// Bounded by the limits on commands.
    private let jobs = Mailbox<Job>()

    init(
        configuration: RunningConfiguration,
        numbers: CommandNumbers,
        wallClock: @escaping @Sendable () -> Int64
    ) {
        self.configuration = configuration
        self.numbers = numbers
        self.wallClock = wallClock
    }

    // MARK: Their lives

    /// Takes over a command that was started. `began` is called with it, with a lock held, and `release` once, at its
    /// end, before anybody hears of that. Throws `SHUTTING_DOWN`: then the command is the caller's still.
    func add(
        _ command: any CommandExecution,
        _ owner: BackgroundOwner,
        of org: Org.ID,
        line: [UInt8],
        scope: WorkspacePath,
        log: EntryLog,
        began: (BackgroundExec) -> Void,
        release: @escaping @Sendable (BackgroundExec, ExecEnd) -> Void
    ) throws(BackendError) -> BackgroundExec {
        let (started, capacity) = (wallClock(), configuration.current.exec.backgroundOutputBytes)
        let added = state.withLock { state -> BackgroundExec? in
            guard !state.isClosed else { return nil }
            let exec = BackgroundExec(
                id: numbers.take(),
                command,
                line: line,
                scope: scope,
                log: log,
                startedNanoseconds: started,
                capacity: capacity
            )
            state.execs[exec.id] = exec
            state.ledgers[org, default: Ledger()].began(exec.id, owner)
            began(exec)
            // Under the lock: nothing is sent once they are closed.
            jobs.send(Job(exec: exec, org: org, release: release))
            return exec
        }
        guard let added else { throw Self.closed }
        return added
    }

    /// Sees all commands to their ends. Returns after ``stop()`` once none is left. Cancelling the task ends those that
    /// run. Called once.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while let batch = await jobs.next() {
                    for job in batch { group.addTask { await self.see(job) } }
                }
            }
        } onCancel: {
            stop()
        }
    }

    private func see(_ job: Job) async {
        let end = await job.exec.run()
        settle(job)
        job.release(job.exec, end)
        job.exec.finish(end)
    }

    private func settle(_ job: Job) {
        let (limits, kept) = (Ledger.Limits(configuration.current.exec), job.exec.keptCount)
        let dropped = state.withLock { state in
            let actions = state.ledgers[job.org]?.ended(job.exec.id, keptBytes: kept, limits) ?? []
            return actions.compactMap { action -> BackgroundExec? in
                switch action {
                case .dropOutput(let id): return state.execs[id]
                case .forget(let id):
                    state.execs[id] = nil
                    return nil
                }
            }
        }
        for exec in dropped { exec.dropOutput() }
    }

    /// No command is added from now on. Idempotent.
    func stop() {
        state.withLock { $0.isClosed = true }
        jobs.finish()
    }

    /// Takes no more commands, gives those that run until the timeout, then ends them. Returns when none is left, and
    /// tells what became of each. Cancelling the task ends them at once.
    func drain(_ timeout: Duration, telling drain: BrokerDrain) async {
        let running = state.withLock { state in
            state.isClosed = true
            return state.execs.values.filter { $0.info.end == nil }
        }
        drain.connectionDrains(calls: running.count)
        await withTaskGroup { group in
            group.addTask {
                do {
                    try await Task.sleep(for: timeout)
                } catch {
                    guard running.contains(where: { $0.info.end == nil }) else { return }
                }
                for exec in running { exec.shutDown() }
            }
            for exec in running {
                let end = await exec.waitForEnd()
                drain.callEnded(end.outcome == .shuttingDown ? .cancelled : .finished)
            }
            group.cancelAll()
        }
    }

    // MARK: Looks and changes from outside

    /// Those of an owner that were started in a scope, with ids above `id`, in the order in which they began.
    func list(of owner: BackgroundOwner, of org: Org.ID, in scope: WorkspacePath, after id: UInt64) -> [BackgroundExec]
    {
        state.withLock { state in
            (state.ledgers[org]?.execs(of: owner) ?? []).compactMap { known in
                guard known > id, let exec = state.execs[known], exec.scope.relative(to: scope) != nil else {
                    return nil
                }
                return exec
            }
        }
    }

    /// Throws `NOT_FOUND`, also for one of another owner or scope.
    func find(
        _ id: UInt64,
        of owner: BackgroundOwner,
        of org: Org.ID,
        in scope: WorkspacePath
    ) throws(BackendError) -> BackgroundExec {
        let found = state.withLock { state in
            state.ledgers[org]?.owns(owner, id) ?? false ? state.execs[id] : nil
        }
        guard let found, found.scope.relative(to: scope) != nil else { throw Self.notFound(id) }
        return found
    }

    /// One of an org, and whose it is.
    func find(_ id: UInt64, of org: Org.ID) -> (exec: BackgroundExec, owner: BackgroundOwner)? {
        state.withLock { state in
            guard let owner = state.ledgers[org]?.owner(of: id), let exec = state.execs[id] else { return nil }
            return (exec, owner)
        }
    }

    /// Nothing of an owner is remembered from now on: its files are gone. One that runs yet is found no more.
    func forget(_ owner: BackgroundOwner, of org: Org.ID) {
        state.withLock { state in
            for id in state.ledgers[org]?.forget(owner) ?? [] { state.execs[id] = nil }
        }
    }

    /// As ``forget(_:of:)``, for all of an org that is gone.
    func forget(_ org: Org.ID) {
        state.withLock { state in
            guard let ledger = state.ledgers.removeValue(forKey: org) else { return }
            for id in ledger.all { state.execs[id] = nil }
        }
    }

    // MARK: Errors

    private static let closed = BackendError(
        .shuttingDown,
        message: "the broker shuts down and starts no more commands: connect again and repeat the call",
        isRetryable: true
    )

    private static func notFound(_ id: UInt64) -> BackendError {
        BackendError(
            .notFound,
            reason: .notFound,
            message: "there is no command \(id) of this key and scope, or it ended and is remembered no more: list them"
        )
    }
}

/// Whose a command in the background is.
enum BackgroundOwner: Hashable, Sendable {
    /// An entry of the key, also where that has been replaced meanwhile.
    case key(PoolKey)
    /// An entry without a key, while it lives.
    case entry(ObjectIdentifier)
}

extension BackgroundLedger.Limits {
    init(_ exec: BrokerConfiguration.Exec) {
        self.init(
            perOwner: exec.maxEndedBackground,
            perOrg: exec.maxEndedBackgroundPerOrg,
            outputBytes: exec.maxEndedBackgroundBytesPerOrg
        )
    }
}
