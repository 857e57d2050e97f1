public import AgentBackend
public import Synchronization

/// Keeps at most one live entry per key, hands out leases of it, and makes and destroys entries as needed.
///
/// ``tryAcquire(_:configuration:at:)`` and ``release(_:at:)`` are synchronous, from any thread: a
/// hit costs one short lock and no hop. All else that happens, happens in ``run()``, which must be running for
/// an acquire that is no hit to be answered. Every decision is the ``PoolStateMachine``'s, under that one lock;
/// what it decides is done after the lock was let go.
///
/// Who runs something in an entry beyond one call, such as a background process, holds a lease for it: an entry
/// with a lease is not idle.
public final actor BackendPoolManager<Entry: PooledEntry, Configuration: Equatable & Sendable, C: Clock>
where C.Duration == Duration {
    @usableFromInline
    package typealias Machine = PoolStateMachine<
        Entry, Configuration, CheckedContinuation<Result<Lease<Entry>, BackendError>, Never>
    >
    /// Makes an entry. `PoolKey.name` nil: one whose files go with it. Must end in bounded time and soon after
    /// its task was cancelled.
    package typealias MakeEntry = @Sendable (PoolKey, Configuration) async throws(BackendError) -> Entry

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
    nonisolated let makeEntry: MakeEntry
    nonisolated let observer: (any PoolObserver)?
    /// Bounded by the limits on entries and waiters.
    nonisolated let jobs = Mailbox<Job>()
    private nonisolated let lastWaiter = Atomic<UInt64>(0)
    /// Whether ``run()`` was called. The jobs have one consumer only.
    var hasRun = false

    /// `defaultConfiguration` is that of entries whose acquire names none. `seed` decides jitter.
    ///
    /// Throws `INVALID_CONFIGURATION`.
    package init(
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
        self.observer = observer
        self.makeEntry = makeEntry
    }

    /// Time since the pool began.
    @inlinable
    nonisolated var now: Duration { origin.duration(to: clock.now) }

    // What a hit needs is public and inlinable although nobody outside the package sees this module: code of
    // `package` access is not specialised in other modules, and costs ten times as much.

    // MARK: Leases

    /// A lease of a live entry, if there is one to be had at once: the key's, usable, with a lease left and,
    /// where `configuration` is given, with that one. Does not wait.
    ///
    /// `time`: for a caller who has just read the clock, such as for a batch of calls; nil: now.
    @inlinable
    public nonisolated func tryAcquire(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        at time: C.Instant? = nil
    ) -> Lease<Entry>? {
        let now = origin.duration(to: time ?? clock.now)
        return machine.withLock { $0.hit(key, configuration: configuration, at: now) }
    }

    /// Ends a lease. Does not wait. Harmless when the lease has ended already: that is counted.
    ///
    /// Hands the lease, or the room that its end makes, to those that wait for it. `time` is as in
    /// ``tryAcquire(_:configuration:at:)``.
    @inlinable
    public nonisolated func release(_ id: LeaseID, at time: C.Instant? = nil) {
        let now = origin.duration(to: time ?? clock.now)
        let isDone = machine.withLock { $0.releaseQuickly(id, at: now) }
        if !isDone {
            releaseSlowly(id, at: now)
        }
    }

    /// Someone may have begun to wait since, or ceased to: the machine decides afresh.
    @usableFromInline
    nonisolated func releaseSlowly(_ id: LeaseID, at now: Duration) {
        perform(machine.withLock { $0.released(id, at: now) })
    }

    /// A lease of the key's entry, made if there is none. Waits for room, for the creation, or for a lease.
    ///
    /// - Parameters:
    ///   - configuration: What the entry must be like, already merged with the pool's default; nil: any, the
    ///     default for a new one.
    ///   - queueDeadline: How long to wait at most; nil: the pool's default.
    /// - Throws: `CONFLICT` where the key's entry has another configuration; `RESOURCE_EXHAUSTED` where there
    ///   was no room until the deadline or too many of the org wait; `DEADLINE_EXCEEDED` where the creation
    ///   took longer; `CANCELLED`, without harm to the creation; `SHUTTING_DOWN`; what the creation threw.
    package nonisolated func acquire(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil
    ) async throws(BackendError) -> Lease<Entry> {
        if let lease = tryAcquire(key, configuration: configuration) {
            return lease
        }
        let id = WaiterID(rawValue: lastWaiter.add(1, ordering: .relaxed).newValue)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = now
                let actions = machine.withLock { machine -> [Machine.Action] in
                    // Read under the lock: a cancellation from here on finds the waiter.
                    guard !Task.isCancelled else { return [.resume(continuation, .failure(.acquireWasCancelled))] }
                    return machine.acquire(
                        key,
                        configuration: configuration,
                        queueDeadline: queueDeadline,
                        waiter: continuation,
                        id: id,
                        at: now
                    )
                }
                perform(actions)
            }
        } onCancel: {
            let now = now
            perform(machine.withLock { $0.cancel(id, at: now) })
        }
        return try result.get()
    }

    /// Runs `body` with the key's entry; the lease ends when `body` does, also when it throws or was cancelled.
    ///
    /// Parameters and errors are those of ``acquire(_:configuration:queueDeadline:)``, besides what `body`
    /// throws. After a drain's deadline the entry is destroyed under `body`, whose calls then fail with
    /// `BACKEND_DESTROYED`.
    package nonisolated func withBackend<Value>(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil,
        _ body: (Entry) async throws -> Value
    ) async throws -> Value {
        let lease = try await acquire(key, configuration: configuration, queueDeadline: queueDeadline)
        defer { release(lease.id) }
        return try await body(lease.entry)
    }
}
