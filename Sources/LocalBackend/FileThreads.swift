package import AgentBackend
internal import NIOPosix

/// Threads for file system calls that may wait. Shared by many backends; shut down after the last of them.
public final class FileThreads: Sendable {
    private let pool: NIOThreadPool

    /// A few more threads than cores keep the cores busy while some wait for a disk.
    public init(count: Int = 4) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    /// Runs `body` on one of the threads, as the broker itself.
    package func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        try await run(as: nil) { _ in
            do throws(BackendError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
    }

    /// Runs `body` as `identity` on one of the threads; see ``FileIdentity``. Where the calling task is cancelled
    /// before it began it never runs; after that it is told.
    func run<Value: Sendable>(
        as identity: HostIdentity?,
        _ body: @escaping FileJob<Value>.Body
    ) async throws(BackendError) -> Value {
        let job = FileJob(as: identity, body)
        let answer = await withTaskCancellationHandler {
            await result(of: job)
        } onCancel: {
            job.cancel()
        }
        return try answer.get()
    }

    /// Runs what cleans up, cancelled or not, shut down or not.
    func runAlways(_ body: @escaping @Sendable () -> Void) async {
        let job = FileJob<Void>(as: nil) { _ in
            body()
            return .success(())
        }
        if case .failure = await result(of: job) { body() }
    }

    private func result<Value: Sendable>(of job: FileJob<Value>) async -> Result<Value, BackendError> {
        await withCheckedContinuation { continuation in
            guard job.queue(continuation) else { return }
            pool.submit { state in
                switch state {
                case .active: job.run()
                case .cancelled: job.refuse()
                }
            }
        }
        return job.takeAnswer()
    }

    /// What was begun is finished first.
    public func shutdown() async {
        // Fails only where it is shut down already.
        try? await pool.shutdownGracefully()
    }
}
