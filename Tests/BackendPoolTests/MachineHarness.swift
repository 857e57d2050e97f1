import AgentBackend
import Testing

@testable import BackendPool

/// Plays the driver of a machine: keeps what it asked for, and reports back when the test says so.
struct MachineHarness {
    typealias Machine = PoolStateMachine<TestEntry, String, Int>

    var machine: Machine
    var now: Duration = .zero
    /// Acquires that have ended, by number.
    var results: [Int: Result<LeaseGrant<TestEntry>, BackendError>] = [:]
    /// Numbers of acquires in the order in which they ended.
    var answered: [Int] = []
    var creations: [Machine.Creation] = []
    var destructions: [Machine.Destruction] = []
    var wakeUps: [Duration] = []
    var creationsWereCancelled = false
    var isFinished = false
    var entriesMade = 0
    /// Of entries that are made from now on.
    var idleTimeout = IdleTimeout.pool
    /// nil: as follows from the idle timeout.
    var isEvictable: Bool?
    var maxLeases: Int?
    private var lastWaiter = 0

    init(seed: UInt64 = 1, _ configure: (inout PoolConfiguration) -> Void = { _ in }) {
        var configuration = PoolConfiguration()
        configuration.creationBackoff.jitter = 0
        configuration.lifetimeJitter = 0
        configure(&configuration)
        machine = Machine(configuration: configuration, defaultConfiguration: "default", seed: seed)
    }

    var statistics: PoolStatistics { machine.statistics(at: now) }

    mutating func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .resume(let waiter, let result):
                #expect(results[waiter] == nil, "acquire \(waiter) was answered twice")
                results[waiter] = result
                answered.append(waiter)
            case .create(let creation): creations.append(creation)
            case .destroy(let destruction): destructions.append(destruction)
            case .wakeUp(let time): wakeUps.append(time)
            case .cancelCreations: creationsWereCancelled = true
            case .finish: isFinished = true
            }
        }
    }

    /// Returns the number of the acquire.
    @discardableResult
    mutating func acquire(_ key: PoolKey, _ configuration: String? = nil, deadline: Duration? = nil) -> Int {
        lastWaiter += 1
        perform(
            machine.acquire(
                key,
                configuration: configuration,
                queueDeadline: deadline,
                waiter: lastWaiter,
                id: WaiterID(rawValue: UInt64(lastWaiter)),
                at: now
            )
        )
        return lastWaiter
    }

    /// An acquire that is answered at once: with an entry or with an error.
    mutating func acquireNow(
        _ key: PoolKey,
        _ configuration: String? = nil
    ) -> (entry: TestEntry?, failure: BackendError.Code?) {
        let number = acquire(key, configuration)
        return (try? results[number]?.get().entry, error(number)?.code)
    }

    /// Whether an acquire would be answered at once. Changes nothing.
    func hits(_ key: PoolKey, _ configuration: String? = nil) -> Bool {
        var machine = machine
        return machine.hit(key, configuration: configuration, at: now) != nil
    }

    mutating func cancel(_ number: Int) {
        perform(machine.cancel(WaiterID(rawValue: UInt64(number)), at: now))
    }

    /// The oldest creation that is under way succeeds.
    @discardableResult
    mutating func finishCreation(at index: Int = 0) throws -> TestEntry {
        try #require(creations.indices.contains(index), "no creation is under way")
        let creation = creations.remove(at: index)
        entriesMade += 1
        let entry = TestEntry(
            key: creation.key,
            number: entriesMade,
            configuration: creation.configuration,
            idleTimeout: idleTimeout,
            isEvictable: isEvictable,
            maxLeases: maxLeases
        )
        perform(machine.created(creation, entry: entry, at: now))
        return entry
    }

    mutating func failCreation(_ error: BackendError = .broken) throws {
        try #require(!creations.isEmpty, "no creation is under way")
        perform(machine.creationFailed(creations.removeFirst(), error, at: now))
    }

    mutating func finishDestruction() throws {
        try #require(!destructions.isEmpty, "no destruction is under way")
        perform(machine.destroyed(destructions.removeFirst(), at: now))
    }

    mutating func release(_ id: LeaseID) {
        if !machine.releaseQuickly(id, at: now) {
            perform(machine.released(id, at: now))
        }
    }

    mutating func release(_ number: Int) throws {
        release(try lease(number).id)
    }

    /// Time goes on; the machine is told at each time that it asked for.
    mutating func advance(by duration: Duration) {
        let end = now + duration
        while let next = wakeUps.filter({ $0 <= end }).min() {
            wakeUps.removeAll { $0 == next }
            now = max(now, next)
            perform(machine.tick(at: now))
        }
        now = end
    }

    mutating func drain(deadline: Duration) {
        perform(machine.drain(until: now + deadline, at: now))
    }

    mutating func evict(_ key: PoolKey, force: Bool = false) -> EvictionOutcome {
        let (outcome, actions) = machine.evict(key, force: force, at: now)
        perform(actions)
        return outcome
    }

    mutating func evictAll(of org: OrgID) {
        perform(machine.evictAll(of: org, at: now))
    }

    mutating func reconfigure(_ change: (inout PoolConfiguration) -> Void) {
        var configuration = machine.configuration
        change(&configuration)
        perform(machine.reconfigure(configuration, at: now))
    }

    func lease(_ number: Int) throws -> LeaseGrant<TestEntry> {
        try #require(results[number], "acquire \(number) still waits").get()
    }

    /// The error that an acquire ended with; nil while it waits or when it succeeded.
    func error(_ number: Int) -> BackendError? {
        guard case .failure(let error) = results[number] else { return nil }
        return error
    }

    /// An entry of `key` that is live and idle.
    @discardableResult
    mutating func makeIdle(_ key: PoolKey) throws -> TestEntry {
        let number = acquire(key)
        let entry = try finishCreation()
        try release(number)
        return entry
    }
}
