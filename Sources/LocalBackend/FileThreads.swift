package import AgentBackend
internal import NIOPosix
internal import Synchronization

/// Threads for file system calls that may wait. Shared by many backends; shut down after the last of them.
public final class FileThreads: Sendable {
    private let core: Core
    private let owner: UInt64
    /// That may work for this owner at the same time.
    private let maximumThreads: Int

    /// A few more threads than cores keep the cores busy while some wait for a disk.
    public init(count: Int = 4) {
        core = Core(count: count)
        owner = 0
        maximumThreads = count
    }

    private init(of core: Core, owner: UInt64, maximumThreads: Int) {
        self.core = core
        self.owner = owner
        self.maximumThreads = maximumThreads
    }

    /// The same threads for somebody who takes turns with the others, and has half of them at most:
    /// what waits for a disk, or for a file that is locked, holds up none but its owner.
    package func share() -> FileThreads {
        FileThreads(of: core, owner: core.nextOwner(), maximumThreads: max(1, core.count / 2))
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
    ///
    /// - Parameter isShort: It makes a few system calls, and may take its turn together with others.
    func run<Value: Sendable>(
        as identity: HostIdentity?,
        isShort: Bool = false,
        _ body: @escaping FileJob<Value>.Body
    ) async throws(BackendError) -> Value {
        let job = FileJob(as: identity, isShort: isShort, body)
        let answer = await withTaskCancellationHandler {
            await result(of: job)
        } onCancel: {
            job.cancel()
        }
        return try answer.get()
    }

    /// Runs what cleans up, cancelled or not, shut down or not.
    func runAlways(_ body: @escaping @Sendable () -> Void) async {
        let job = FileJob<Void>(as: nil, isShort: false) { _ in
            body()
            return .success(())
        }
        if case .failure = await result(of: job) { body() }
    }

    private func result<Value: Sendable>(of job: FileJob<Value>) async -> Result<Value, BackendError> {
        await withCheckedContinuation { continuation in
            guard job.queue(continuation) else { return }
            core.add(job, of: owner, maximumThreads: maximumThreads)
        }
        return job.takeAnswer()
    }

    /// What was begun is finished first. For all who share them.
    public func shutdown() async {
        await core.shutdown()
    }
}

extension FileThreads {
    /// The threads, and what waits for them.
    private final class Core: Sendable {
        let count: Int
        private let pool: NIOThreadPool
        private let queue: Mutex<FileQueue<any FileWork>>
        private let lastOwner = Atomic<UInt64>(0)

        init(count: Int) {
            self.count = count
            queue = Mutex(FileQueue(maximumThreads: count))
            pool = NIOThreadPool(numberOfThreads: count)
            pool.start()
        }

        func nextOwner() -> UInt64 { lastOwner.add(1, ordering: .relaxed).newValue }

        func add(_ work: any FileWork, of owner: UInt64, maximumThreads: Int) {
            switch queue.withLock({ $0.add(work, of: owner, maximumThreads: maximumThreads) }) {
            case .waits: break
            case .startThread: pool.submit { _ in self.takeTurns() }
            case .refused(let work): work.refuse()
            }
        }

        /// On a thread of the pool, until there is nothing more to do.
        private func takeTurns() {
            var last: UInt64?
            while let turn = queue.withLock({ $0.next(after: last) { $0.isShort } }) {
                turn.works.run()
                last = turn.owner
            }
        }

        func shutdown() async {
            for work in queue.withLock({ $0.close() }) { work.refuse() }
            // Fails only where it is shut down already.
            try? await pool.shutdownGracefully()
        }
    }
}
