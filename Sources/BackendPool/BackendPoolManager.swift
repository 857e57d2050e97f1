public import AgentBackend
public import Synchronization

/// Keeps at most one live entry per key, hands out leases of it, and makes and destroys entries as needed.
///
/// ``AnyBackendPool`` is one for backends of any kind:
/// ```swift
/// let pool = try AnyBackendPool { key, configuration in try await makeMyBackend(key, configuration) }
/// try await withThrowingTaskGroup(of: Void.self) { group in
///     group.addTask { await pool.run() }
///     try await pool.withBackend(PoolKey(name: "user-1")) { backend in
///         try await backend.write(try WorkspacePath("notes.txt"), ByteBuffer(string: "hello"), options: .init())
///     }
///     pool.triggerGracefulShutdown(deadline: .seconds(30))
/// }
/// ```
///
/// All of it is for any thread. ``tryAcquire(_:configuration:at:)`` and ``release(_:at:)`` are synchronous: a hit
/// costs one short lock and no hop. All else that happens, happens in ``run()``, which must be running for an acquire
/// that is no hit to be answered. Every decision is the state machine's, under that one lock; what it decides is done
/// after the lock was let go.
///
/// Who runs something in an entry beyond one call, such as a background process, holds a lease for it: an entry
/// with a lease is not idle.
///
/// A configuration that an acquire names is merged over the pool's default. The entry must be exactly like that: one
/// that lives already and was made with another is `CONFLICT`. An acquire that names none takes the entry as it is.
public final actor BackendPoolManager<Entry: PooledEntry, Configuration: PooledConfiguration, C: Clock>
where C.Duration == Duration {
    @usableFromInline
    package typealias Machine = PoolStateMachine<
        Entry, Configuration, CheckedContinuation<Result<LeaseGrant<Entry>, BackendError>, Never>
    >
    /// Makes an entry, which nobody else uses. `PoolKey.name` nil: one whose files go with it. Must end in bounded
    /// time and soon after its task was cancelled. What it throws is what those who wait for the entry get.
    public typealias MakeEntry = @Sendable (PoolKey, Configuration) async throws(BackendError) -> Entry

    /// Work for ``run()``.
    enum Job: Sendable {
        case create(Machine.Creation)
        case destroy(Machine.Destruction)
        case wakeUp(at: Duration)
        case cancelCreations
    }

    @usableFromInline
    nonisolated let machine: Mutex<Machine>
    @usableFromInline
    nonisolated let clock: C
    @usableFromInline
    nonisolated let origin: C.Instant
    @usableFromInline
    nonisolated let defaultConfiguration: Configuration
    nonisolated let makeEntry: MakeEntry
    nonisolated let observer: (any PoolObserver)?
    /// Bounded by the limits on entries and waiters.
    nonisolated let jobs = Mailbox<Job>()
    nonisolated let lastWaiter = Atomic<UInt64>(0)
    /// Whether ``run()`` was called. The jobs have one consumer only.
    var hasRun = false

    /// - Parameters:
    ///   - defaultConfiguration: What entries are made with that are acquired without a configuration, and what that
    ///     of the others is merged over.
    ///   - clock: Tells all times.
    ///   - observer: Is told what happens; see ``PoolObserver``.
    ///   - seed: Decides jitter.
    /// - Throws: `INVALID_CONFIGURATION`.
    public init(
        configuration: PoolConfiguration,
        defaultConfiguration: Configuration,
        clock: C,
        observer: (any PoolObserver)? = nil,
        seed: UInt64 = .random(in: 0 ... .max),
        makeEntry: @escaping MakeEntry
    ) throws(BackendError) {
        try configuration.validate()
        machine = Mutex(
            Machine(configuration: configuration, defaultConfiguration: defaultConfiguration, seed: seed)
        )
        self.clock = clock
        origin = clock.now
        self.defaultConfiguration = defaultConfiguration
        self.observer = observer
        self.makeEntry = makeEntry
    }

    /// Time since the pool began.
    @inlinable
    nonisolated var now: Duration { origin.duration(to: clock.now) }
}
