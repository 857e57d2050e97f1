import AgentBackend

@testable import BackendPool

/// A machine together with a plain model of what its driver and callers know: one state of the exploration.
///
/// ``moves`` lists every event that can happen in this state, ``apply(_:)`` makes it happen, and ``audit()``
/// compares the machine with the model, and its counts with a naive recount.
struct World {
    typealias Machine = PoolStateMachine<ExploredEntry, Int, Int>

    enum Move: Hashable {
        case acquire(Int)
        /// With a configuration that is not the default.
        case acquireOther(Int)
        case finishCreation(Int)
        case failCreation(Int)
        case finishDestruction(Int)
        case release(Int)
        case releaseAgain
        case cancel(Int)
        case breakEntry(Int)
        /// To the next time that the machine asked for: deadlines, rests, cleanup and the drain's deadline.
        case tick
        case evict
        /// Org 1 may have one entry and one lease of it; or as many as all, if that was so.
        case changeLimits
        case drain
    }

    /// A key, and what its entries ask for.
    struct Key {
        let key: PoolKey
        var idleTimeout = IdleTimeout.pool
        var isEvictable = true
    }

    /// An acquire that has not been answered.
    struct Wait {
        let key: Int
        let configuration: Int?
    }

    /// An entry whose destruction was not asked for.
    struct Living {
        let key: Int
        let configuration: Int
        /// nil while it is leased.
        var idleSince: Duration?
    }

    struct HeldLease: Hashable {
        let id: LeaseID
        let entry: Int
        var isRevoked = false
    }

    /// What may happen how often in one history.
    struct Budget: Hashable {
        var acquires: Int
        var failures: Int
        var breaks: Int
        var ticks: Int
        var evictions: Int
        var otherAcquires = 0
        var limitChanges = 0
        var drains: Int
        var repeatedReleases: Int
    }

    var machine: Machine
    var budget: Budget
    let keys: [Key]
    var now: Duration = .zero
    var creations: [Machine.Creation] = []
    var destructions: [Machine.Destruction] = []
    var waiters: [Int: Wait] = [:]
    var leases: [HeldLease] = []
    var spentLease: LeaseID?
    var living: [Int: Living] = [:]
    var broken: Set<Int> = []
    var wakeUps: [Duration] = []
    var drainDeadline: Duration?
    /// Leases that each entry still had at the drain's deadline.
    var revoked: [Int: Int] = [:]
    var isFinished = false
    /// Whether a limit may be exceeded, by what was there before it.
    var wasLowered = false
    var violations: [String] = []
    private var lastEntry = 0
    private var lastWaiter = 0

    init(configuration: PoolConfiguration, keys: [Key], budget: Budget) {
        machine = Machine(configuration: configuration, defaultConfiguration: 0, seed: 1)
        self.keys = keys
        self.budget = budget
    }

    var moves: [Move] {
        var moves: [Move] = []
        if budget.acquires > 0 { moves += keys.indices.map { .acquire($0) } }
        if budget.acquires > 0, budget.otherAcquires > 0 { moves += keys.indices.map { .acquireOther($0) } }
        moves += creations.indices.map { .finishCreation($0) }
        if budget.failures > 0 { moves += creations.indices.map { .failCreation($0) } }
        moves += destructions.indices.map { .finishDestruction($0) }
        moves += leases.indices.map { .release($0) }
        if spentLease != nil, budget.repeatedReleases > 0 { moves.append(.releaseAgain) }
        moves += waiters.keys.sorted().map { .cancel($0) }
        if budget.breaks > 0 {
            moves += living.keys.filter { !broken.contains($0) }.sorted().map { .breakEntry($0) }
        }
        if budget.ticks > 0, !wakeUps.isEmpty { moves.append(.tick) }
        if budget.evictions > 0 { moves.append(.evict) }
        if budget.limitChanges > 0 { moves.append(.changeLimits) }
        if budget.drains > 0 { moves.append(.drain) }
        return moves
    }

    mutating func apply(_ move: Move) {
        ExploredEntry.broken = broken
        switch move {
        case .acquire(let index):
            acquire(index, configuration: nil)
        case .acquireOther(let index):
            budget.otherAcquires -= 1
            acquire(index, configuration: 1)
        case .finishCreation(let index):
            let creation = creations.remove(at: index)
            lastEntry += 1
            guard let key = keys.firstIndex(where: { $0.key == creation.key }) else { return }
            living[lastEntry] = Living(key: key, configuration: creation.configuration, idleSince: now)
            perform(machine.created(creation, entry: ExploredEntry(lastEntry, keys[key]), at: now))
        case .failCreation(let index):
            budget.failures -= 1
            perform(machine.creationFailed(creations.remove(at: index), .broken, at: now))
        case .finishDestruction(let index):
            perform(machine.destroyed(destructions.remove(at: index), at: now))
        case .release(let index):
            spentLease = leases[index].id
            let lease = leases.remove(at: index)
            if !leases.contains(where: { $0.entry == lease.entry }) { living[lease.entry]?.idleSince = now }
            release(lease.id)
        case .releaseAgain:
            budget.repeatedReleases -= 1
            if let spentLease { release(spentLease) }
        case .cancel(let waiter):
            perform(machine.cancel(WaiterID(rawValue: UInt64(waiter)), at: now))
            if waiters[waiter] != nil { violations.append("waiter \(waiter) was cancelled and not answered") }
        case .breakEntry(let entry):
            budget.breaks -= 1
            broken.insert(entry)
        case .tick:
            budget.ticks -= 1
            tick()
        case .evict:
            budget.evictions -= 1
            perform(machine.evict(keys[0].key, force: false, at: now).actions)
        case .changeLimits:
            budget.limitChanges -= 1
            wasLowered = true
            var configuration = machine.configuration
            configuration.orgs[1] = configuration.orgs[1] == nil ? .init(maxEntries: 1, maxLeasesPerEntry: 1) : nil
            perform(machine.reconfigure(configuration, at: now))
        case .drain:
            budget.drains -= 1
            drain(until: now + .seconds(5))
        }
    }

    private mutating func acquire(_ index: Int, configuration: Int?) {
        budget.acquires -= 1
        lastWaiter += 1
        waiters[lastWaiter] = Wait(key: index, configuration: configuration)
        perform(
            machine.acquire(
                keys[index].key,
                configuration: configuration,
                queueDeadline: nil,
                waiter: lastWaiter,
                id: WaiterID(rawValue: UInt64(lastWaiter)),
                at: now
            )
        )
    }

    mutating func tick() {
        guard let next = wakeUps.min() else { return }
        wakeUps.removeAll { $0 == next }
        now = max(now, next)
        revokeIfOverrun()
        ExploredEntry.broken = broken
        perform(machine.tick(at: now))
        for (entry, life) in living where isOverdue(entry, life) {
            violations.append("entry \(entry) is idle for longer than it may be")
        }
    }

    mutating func drain(until deadline: Duration) {
        drainDeadline = min(deadline, drainDeadline ?? deadline)
        revokeIfOverrun()
        ExploredEntry.broken = broken
        perform(machine.drain(until: deadline, at: now))
    }

    private mutating func revokeIfOverrun() {
        guard let drainDeadline, drainDeadline <= now else { return }
        for index in leases.indices where !leases[index].isRevoked {
            leases[index].isRevoked = true
            revoked[leases[index].entry, default: 0] += 1
        }
    }

    mutating func release(_ id: LeaseID) {
        ExploredEntry.broken = broken
        if !machine.releaseQuickly(id, at: now) {
            perform(machine.released(id, at: now))
        }
    }

    mutating func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .resume(let waiter, let result): answer(waiter, result)
            case .create(let creation): creations.append(creation)
            case .destroy(let destruction): destroy(destruction)
            case .wakeUp(let time): wakeUps.append(time)
            case .cancelCreations: break
            case .finish: isFinished = true
            }
        }
    }

    private mutating func answer(_ waiter: Int, _ result: Result<LeaseGrant<ExploredEntry>, BackendError>) {
        guard let wait = waiters.removeValue(forKey: waiter) else {
            violations.append("waiter \(waiter) was answered twice")
            return
        }
        guard case .success(let lease) = result else { return }
        let entry = lease.entry.number
        if living[entry]?.key != wait.key { violations.append("waiter \(waiter) got a dying or a wrong entry") }
        if let wanted = wait.configuration, living[entry]?.configuration != wanted {
            violations.append("waiter \(waiter) got an entry with another configuration")
        }
        if drainDeadline != nil { violations.append("waiter \(waiter) got a lease during a drain") }
        if leases.contains(where: { $0.id == lease.id }) { violations.append("lease \(lease.id) was given twice") }
        leases.append(HeldLease(id: lease.id, entry: entry))
        living[entry]?.idleSince = nil
    }

    private mutating func destroy(_ destruction: Machine.Destruction) {
        let entry = destruction.entry.number
        if let life = living.removeValue(forKey: entry) {
            if !mayEnd(life, destruction.reason) {
                violations.append("entry \(entry) was destroyed before its time: \(destruction.reason)")
            }
        } else {
            violations.append("entry \(entry) was destroyed twice")
        }
        if leases.contains(where: { $0.entry == entry && !$0.isRevoked }) {
            violations.append("entry \(entry) was destroyed under a lease")
        }
        if revoked[entry] ?? 0 != destruction.revokedLeases { violations.append("entry \(entry) tells a wrong end") }
        destructions.append(destruction)
    }
}

/// Broken or not as the state says in which it is looked at, because states share entries.
final class ExploredEntry: PooledEntry {
    /// Guarded by there being one exploration at a time, in one task.
    nonisolated(unsafe) static var broken: Set<Int> = []

    let number: Int
    let idleTimeout: IdleTimeout
    let isEvictable: Bool

    init(_ number: Int, _ key: World.Key) {
        self.number = number
        idleTimeout = key.idleTimeout
        isEvictable = key.isEvictable
    }

    var isUsable: Bool { !Self.broken.contains(number) }
    func destroy() async {}
}
