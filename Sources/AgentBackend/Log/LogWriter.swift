internal import Glibc
internal import Synchronization

/// Hands records to a sink on a thread of its own: who records something never waits for whoever reads the log.
///
/// The thread begins with the first record and ends with ``close(within:)`` or with the writer. Safe to use from any
/// thread.
package final class LogWriter<Record: LogRecord>: Sendable {
    /// Bytes of records that wait, where nothing else is said.
    package static var defaultMaximumPending: Int { 4 << 20 }

    private let core: Core<Record>
    private let clock: any Clock<Duration>

    package init(
        sink: some LogSink<Record>,
        maximumPending: Int = defaultMaximumPending,
        clock: any Clock<Duration> = .continuous
    ) {
        core = Core(sink, maximumPending: maximumPending)
        self.clock = clock
    }

    /// A line per record. `descriptor` stays the caller's.
    package convenience init(
        _ format: some LineFormat<Record>,
        to descriptor: Int32,
        maximumPending: Int = defaultMaximumPending
    ) {
        self.init(sink: LineSink(format, to: DescriptorOutput(descriptor)), maximumPending: maximumPending)
    }

    /// What can be written without waiting still is.
    deinit {
        core.close()
        core.abandon()
    }

    package func add(_ record: Record) {
        core.add(record)
    }

    package var statistics: OperationsLogStatistics { core.statistics }

    /// Waits until all that was recorded before is written, or was given up. False: not within this time, or the
    /// calling task was cancelled.
    package func flush(within timeout: Duration) async -> Bool {
        await wait(for: core.flushTarget, within: timeout)
    }

    /// Takes no more records, writes those it has and ends the thread. False: that was not done within this time; the
    /// rest is dropped, and the thread ends as soon as the sink lets go. Idempotent.
    package func close(within timeout: Duration) async -> Bool {
        core.close()
        let isDone = await wait(for: RecordQueue<Record>.endTarget, within: timeout)
        core.abandon()
        return isDone
    }

    private func wait(for target: UInt64, within timeout: Duration) async -> Bool {
        let (core, clock) = (core, clock)
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await core.wait(for: target) }
            group.addTask {
                try? await clock.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}

extension LogWriter<OperationRecord> {
    package func record(_ record: OperationRecord) {
        add(record.withBoundedSubject().record)
    }
}

/// What the thread and the writer share. The thread does not keep the writer itself.
private final class Core<Record: LogRecord>: Sendable {
    private struct State {
        var queue: RecordQueue<Record>
        /// Of the thread, once it runs.
        var wakeUp: WakeUp?
        var isAbandoned = false
    }

    private let state: Mutex<State>
    private let sink: any LogSink<Record>

    /// Milliseconds: few enough for who follows the log, and for what is lost where the process is killed; under load
    /// some dozen records.
    private static var gatheringTime: Int32 { 10 }

    init(_ sink: any LogSink<Record>, maximumPending: Int) {
        self.sink = sink
        state = Mutex(State(queue: RecordQueue(maximumBytes: maximumPending)))
    }

    var statistics: OperationsLogStatistics { state.withLock { $0.queue.statistics } }
    var flushTarget: UInt64 { state.withLock { $0.queue.flushTarget } }

    func add(_ record: Record) {
        let (addition, wakeUp) = state.withLock { ($0.queue.add(record), $0.wakeUp) }
        switch addition {
        case .nothing: break
        case .wakeWriter: wakeUp?.signal()
        case .startWriter: start()
        }
    }

    func close() {
        let (closing, wakeUp) = state.withLock { ($0.queue.close(), $0.wakeUp) }
        if closing.wakesWriter { wakeUp?.signal() }
        for wait in closing.ended { wait.resume(returning: true) }
    }

    /// The sink waits for nothing any more.
    func abandon() {
        let wakeUp = state.withLock { state in
            state.isAbandoned = true
            return state.wakeUp
        }
        wakeUp?.signal()
    }

    func wait(for target: UInt64) async -> Bool {
        let id = state.withLock { $0.queue.makeWait() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (answer, hurried) = state.withLock { state -> (Bool?, WakeUp?) in
                    if state.queue.add(continuation, id: id, target: target) { return (true, nil) }
                    guard Task.isCancelled else { return (nil, state.queue.endGathering() ? state.wakeUp : nil) }
                    return (state.queue.removeWait(id) == nil ? nil : false, nil)
                }
                hurried?.signal()
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let wait = state.withLock { $0.queue.removeWait(id) }
            wait?.resume(returning: false)
        }
    }

    // MARK: The thread

    private func start() {
        do throws(BackendError) {
            let wakeUp = try WakeUp()
            state.withLock { $0.wakeUp = wakeUp }
            try DedicatedThread.start(name: "log-writer") { self.run(wakeUp) }
        } catch {
            let ended = state.withLock { $0.queue.startFailed() }
            for wait in ended { wait.resume(returning: true) }
        }
    }

    private func run(_ wakeUp: WakeUp) {
        // Signals are for the threads of the program; SIGPIPE of a reader that went away is for nobody.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        var sink = sink
        let patience = SinkPatience(wakeUp: wakeUp) { self.state.withLock { $0.isAbandoned } }
        while true {
            switch state.withLock({ $0.queue.next() }) {
            case .wait: wakeUp.wait()
            case .write(let batch):
                let missed = sink.write(batch, patience)
                let (waits, gathers) = state.withLock {
                    let waits = $0.queue.finished(batch, lost: missed.records, untold: missed.notices)
                    return (waits, $0.queue.beginGathering())
                }
                for wait in waits { wait.resume(returning: true) }
                if gathers { wakeUp.wait(upTo: Self.gatheringTime) }
            case .end:
                sink.close()
                let waits = state.withLock { $0.queue.end() }
                for wait in waits { wait.resume(returning: true) }
                return
            }
        }
    }
}
