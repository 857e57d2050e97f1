internal import AgentBackend
internal import CLinux
internal import Synchronization

/// The one thread that starts processes.
///
/// A process that is to die with its parent dies with the thread that started it (PR_SET_PDEATHSIG of prctl(2)),
/// so this one lives as long as there are commands; and to start one blocks, which a thread of Swift's pool or of an
/// event loop must not do. Jobs run in the order in which they came. Safe to use from any thread.
final class LaunchThread: Sendable {
    private struct Job {
        let run: @Sendable () -> Void
        let refuse: @Sendable () -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isStopped = false

        mutating func takeJobs() -> [Job] {
            defer { jobs = [] }
            return jobs
        }
    }

    private let state = Mutex(State())
    private let jobEvent: OwnedDescriptor

    init() throws(BackendError) {
        jobEvent = try OwnedDescriptor.made(by: "eventfd", linux_event())
    }

    /// Runs a job on the thread and waits for it, also through a cancellation. Throws what the job returns, and
    /// `SHUTTING_DOWN` after ``stop()``.
    func perform<Value: Sendable>(
        _ job: @escaping @Sendable () -> Result<Value, BackendError>
    ) async throws(BackendError) -> Value {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<_, Never>) in
            let isAccepted = state.withLock { state in
                guard !state.isStopped else { return false }
                state.jobs.append(
                    Job(
                        run: { continuation.resume(returning: job()) },
                        refuse: { continuation.resume(returning: .failure(.shuttingDown)) }
                    )
                )
                return true
            }
            if isAccepted {
                linux_signal_event(jobEvent.rawValue)
            } else {
                continuation.resume(returning: .failure(.shuttingDown))
            }
        }
        return try result.get()
    }

    /// Runs jobs on the calling thread until ``stop()``.
    func run() {
        while true {
            linux_await_event(jobEvent.rawValue)
            let (jobs, isStopped) = state.withLock { ($0.takeJobs(), $0.isStopped) }
            for job in jobs { job.run() }
            if isStopped { return }
        }
    }

    /// Ends ``run()``, and refuses the jobs that it has not begun. Idempotent.
    func stop() {
        let jobs = state.withLock { state in
            state.isStopped = true
            return state.takeJobs()
        }
        for job in jobs { job.refuse() }
        linux_signal_event(jobEvent.rawValue)
    }
}
