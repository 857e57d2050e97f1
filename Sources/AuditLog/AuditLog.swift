package import AgentBackend
internal import Glibc
internal import Synchronization

/// The audit log of a broker: what was done, and what was refused, in files of each org that only the broker can read and
/// that show whether somebody changed them. What is no org's is in the broker's own, ``AuditFiles/brokersOwn``.
///
///     DIRECTORY/signing-key                    by which it signs: 0600
///     DIRECTORY/orgs/ORG/<sequence>.jsonl      records, the first of which has this sequence
///     DIRECTORY/orgs/ORG/head.json             the last signed head
///     DIRECTORY/orgs/ORG/torn-<sequence>       what a broker that was killed left of a record
///
/// Written on a thread of its own, many records with one call. Safe to use from any thread; one log per directory.
package final class AuditLog: Sendable {
    private typealias Wait = CheckedContinuation<Result<UInt64, AuditFault>, Never>

    private struct State {
        var queue = AuditQueue<Wait>()
        var settings: AuditSettings
        /// Of the thread, once it runs.
        var wakeUp: WakeUp?
        var statistics = AuditStatistics()
        var ending: [CheckedContinuation<Void, Never>] = []
        var hasEnded = false
    }

    private let state: Mutex<State>
    /// The thread's alone, once there is one.
    private let journals: Mutex<JournalSet>
    private let clock: AuditClock
    private let report: @Sendable (AuditNotice) -> Void
    package let path: String
    package let publicKey: AuditPublicKey

    /// Milliseconds that the writer rests after a batch that nobody waits for.
    private static var gatheringTime: Int32 { 2 }
    /// And at the most, for what has to be done though no event comes.
    private static var longestRest: Int64 { 60_000 }

    /// Makes the directory where it is missing, and goes on with the logs in it. Blocks. `report` is called on the log's
    /// thread. Throws `INVALID_CONFIGURATION` that says what to do.
    package init(
        path: String,
        settings: AuditSettings,
        clock: AuditClock,
        report: @escaping @Sendable (AuditNotice) -> Void
    ) throws(BackendError) {
        do throws(AuditFault) {
            let directory = try AuditDirectory.make(path)
            let key = try AuditSigningKey.load(in: directory)
            var journals = JournalSet(directory: try AuditDirectory.make(directory.path(of: AuditFiles.orgs)), key: key)
            try journals.recover(at: clock.now)
            publicKey = key.publicKey
            self.journals = Mutex(journals)
        } catch {
            throw error.unusable
        }
        state = Mutex(State(settings: settings))
        self.path = path
        self.clock = clock
        self.report = report
    }

    package var settings: AuditSettings { state.withLock { $0.settings } }

    package var statistics: AuditStatistics { state.withLock { $0.statistics } }

    /// Takes effect with the next record.
    package func update(_ settings: AuditSettings) {
        state.withLock { $0.settings = settings }
    }

    /// Does not wait. What cannot be recorded is counted, and a record says so as soon as one can be written.
    package func add(_ event: AuditEvent) {
        let (addition, wakeUp) = state.withLock { state in
            let addition = state.queue.add(event, maximumBytes: state.settings.maximumQueuedBytes)
            if addition == .refused { state.statistics.missing += 1 }
            return (addition, state.wakeUp)
        }
        follow(addition, wakeUp)
    }

    /// Waits until it is recorded, and returns the sequence of the record. Throws `RESOURCE_EXHAUSTED` where it cannot be,
    /// or not in time, and `CANCELLED`; it may be recorded all the same then. An intent is not, or the record of a call
    /// that failed follows it.
    package func record(_ event: AuditEvent) async throws(BackendError) -> UInt64 {
        let (ticket, patience) = state.withLock { ($0.queue.makeTicket(), $0.settings.patience) }
        let clock = clock
        let result = await withTaskGroup(of: Result<UInt64, AuditFault>?.self) { group in
            group.addTask { await self.written(event, ticket) }
            group.addTask {
                try? await clock.sleep(patience)
                return nil
            }
            defer { group.cancelAll() }
            if let first = await group.next() ?? nil { return Result?.some(first) }
            // Whoever waits for the record ends now.
            let fault = AuditFault("write", self.path, errno: ETIMEDOUT)
            self.giveUp(event, ticket)?.resume(returning: .failure(fault))
            return nil
        }
        switch result {
        case .success(let sequence): return sequence
        case .failure(let fault): throw fault.unwritten
        case nil: throw Task.isCancelled ? Self.cancelled : AuditFault("write", path, errno: ETIMEDOUT).unwritten
        }
    }

    /// Nobody waits for its record any more. Whoever announced something was told that it is not done.
    private func giveUp(_ event: AuditEvent, _ ticket: UInt64) -> Wait? {
        let (wait, isWithdrawn) = state.withLock { state in
            guard let wait = state.queue.takeWait(ticket) else { return (Wait?.none, true) }
            return (wait, event.kind != .intent || state.queue.withdraw(ticket))
        }
        if !isWithdrawn {
            var failed = event
            failed.kind = .call
            failed.operation.failure = .resourceExhausted
            add(failed)
        }
        return wait
    }

    private func written(_ event: AuditEvent, _ ticket: UInt64) async -> Result<UInt64, AuditFault> {
        await withCheckedContinuation { wait in
            let (addition, wakeUp) = state.withLock { state in
                let room = state.settings.maximumQueuedBytes
                let addition = state.queue.add(event, ticket: ticket, wait: wait, maximumBytes: room)
                if addition == .refused { state.statistics.missing += 1 }
                return (addition, state.wakeUp)
            }
            if addition == .refused { wait.resume(returning: .failure(AuditFault("write", path, errno: EAGAIN))) }
            follow(addition, wakeUp)
        }
    }

    /// Takes no more events, writes those it has, signs all logs and ends the thread. Idempotent.
    package func close() async {
        let (hasWriter, wakeUp) = state.withLock { ($0.queue.close(), $0.wakeUp) }
        guard hasWriter else { return end() }
        wakeUp?.signal()
        await withCheckedContinuation { waiter in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.ending.append(waiter) }
                return state.hasEnded
            }
            if hasEnded { waiter.resume() }
        }
    }

    private func follow(_ addition: AuditQueue<Wait>.Addition, _ wakeUp: WakeUp?) {
        switch addition {
        case .nothing, .refused: break
        case .wakeWriter: wakeUp?.signal()
        case .startWriter: start()
        }
    }

    private static let cancelled = BackendError(
        .cancelled,
        message: "the call was cancelled while it waited for its record in the audit log"
    )

    // MARK: The thread

    private func start() {
        do throws(BackendError) {
            let wakeUp = try WakeUp()
            state.withLock { $0.wakeUp = wakeUp }
            try DedicatedThread.start(name: "audit-log") { self.run(wakeUp) }
        } catch {
            let waits = state.withLock { $0.queue.startFailed() }
            for wait in waits { wait.resume(returning: .failure(AuditFault("start", path, errno: EAGAIN))) }
        }
    }

    private func run(_ wakeUp: WakeUp) {
        // Signals are for the threads of the program.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        while true {
            switch state.withLock({ $0.queue.next() }) {
            case .write(let batch):
                write(batch)
                let gathers = state.withLock { state in
                    state.queue.beginGathering(maximumBytes: state.settings.maximumQueuedBytes)
                }
                if gathers { wakeUp.wait(upTo: Self.gatheringTime) }
                doWhatIsDue()
            case .wait:
                doWhatIsDue()
                wakeUp.wait(upTo: rest())
            case .end: return end()
            }
        }
    }

    private func write(_ batch: AuditQueue<Wait>.Batch) {
        let settings = settings
        let outcome = journals.withLock {
            $0.write(batch.events, missing: batch.missing, settings, at: clock.now)
        }
        var told: [(Wait, Result<UInt64, AuditFault>)] = []
        state.withLock { state in
            for (ticket, result) in zip(batch.tickets, outcome.results) {
                switch result {
                case .success: state.statistics.written += 1
                case .failure: state.statistics.missing += 1
                }
                if let ticket, let wait = state.queue.takeWait(ticket) { told.append((wait, result)) }
            }
        }
        // First: whoever was refused finds out why where the broker tells it.
        for notice in outcome.notices { report(notice) }
        for (wait, result) in told { wait.resume(returning: result) }
    }

    private func doWhatIsDue() {
        let settings = settings
        journals.withLock { $0.tick(settings, at: clock.now) }
    }

    private func rest() -> Int32 {
        let settings = settings
        guard let due = journals.withLock({ $0.nextDue(settings) }) else { return Int32(Self.longestRest) }
        let milliseconds = (due - clock.now.elapsed).inMilliseconds
        // One more: what is left of a millisecond is not to be waited for in a circle.
        return Int32(clamping: min(Int64(clamping: milliseconds) + 1, Self.longestRest))
    }

    private func end() {
        let settings = settings
        journals.withLock { $0.close(settings, at: clock.now) }
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.ending = [] }
            return state.ending
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Where a log takes its time from.
package struct AuditClock: Sendable {
    package let wall: @Sendable () -> Int64
    package let elapsed: @Sendable () -> Duration
    /// Throws `CancellationError`.
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(
        wall: @escaping @Sendable () -> Int64,
        elapsed: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.wall = wall
        self.elapsed = elapsed
        self.sleep = sleep
    }

    var now: AuditTime { AuditTime(wall: wall(), elapsed: elapsed()) }
}

/// What became of events since the start.
package struct AuditStatistics: Sendable, Hashable {
    package var written: UInt64 = 0
    /// They could not be written, or came faster than they could.
    package var missing: UInt64 = 0
}
