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
        try await run(as: nil) {
            do throws(BackendError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
    }

    /// Runs `body` as `identity` on one of the threads; see ``FileIdentity``.
    func run<Value: Sendable>(
        as identity: HostIdentity?,
        _ body: @escaping @Sendable () -> Result<Value, BackendError>
    ) async throws(BackendError) -> Value {
        let result: Result<Value, BackendError>
        do {
            result = try await pool.runIfActive { FileIdentity.perform(as: identity, body) }
        } catch is CancellationError {
            throw BackendError(.cancelled, message: "the call was cancelled before it began")
        } catch {
            throw BackendError(.shuttingDown, message: "the file threads are shut down", cause: error)
        }
        return try result.get()
    }

    /// What was begun is finished first.
    public func shutdown() async {
        // Fails only where it is shut down already.
        try? await pool.shutdownGracefully()
    }
}
