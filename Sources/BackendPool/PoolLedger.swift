/// The pool's books: which key has which slot, who is idle, who waits for room, and how many of each.
///
/// Knows nothing of entries, configurations or callers, so it is compiled once and not per kind of entry; the
/// two steps of a hit, ``readySlot(for:)`` and ``beginLease(on:at:isHit:)``, and the way back,
/// ``releaseQuickly(_:at:)``, are plain calls that touch a few cache lines and allocate nothing. A value; the
/// ``PoolStateMachine`` around it decides.
@usableFromInline
struct PoolLedger {
    /// What an org may use, as the configuration says now.
    struct AccountLimits {
        let maxEntries: Int
        let maxLeasesPerEntry: Int
        let maxWaiters: Int
        let weight: Int

        init(of org: OrgID, in configuration: PoolConfiguration) {
            let limits = configuration.orgs[org]
            maxEntries = limits?.maxEntries ?? configuration.maxEntriesPerOrg
            maxLeasesPerEntry = limits?.maxLeasesPerEntry ?? configuration.maxLeasesPerEntry
            maxWaiters = limits?.maxWaiters ?? configuration.maxWaitersPerOrg
            weight = limits?.weight ?? 1
        }
    }

    /// One org's share of the books. What every lease changes comes first, side by side.
    struct Account {
        /// Idle entries that may be evicted, the least recently used first.
        var idle = IndexList()
        var statistics = PoolStatistics()
        let org: OrgID
        var limits: AccountLimits
        /// Slots that wait for room, the first come first.
        var queue = IndexList()
        /// Acquires that wait, the first come first.
        var waiters = IndexList()
        /// Slots that rest after a failure.
        var resting = 0
        /// How many queued slots could be granted now if there were room in the pool. More than 0 exactly
        /// while the org is in the ring.
        var demand = 0
        /// Whether it has more entries than it may, after its limit was lowered.
        var isOverfull = false
    }

    var configuration: PoolConfiguration
    /// false while draining: nothing is handed out.
    var isOpen = true

    var statistics = PoolStatistics()
    var accounts: [Account] = []
    var slots: [EntrySlot] = []

    private var accountOfOrg: [OrgID: Int] = [:]
    private var slotOfKey: [PoolKey: Int] = [:]
    private var vacant: [Int] = []
    var leases = LeaseTable()

    /// Idle entries that may be evicted and whose time ends by the pool's timeout, the least recently used first.
    private(set) var idle = IndexList()
    /// Those that may be evicted and have a timeout of their own.
    private(set) var idleWithOwnTimeout = IndexList()
    /// A slot is in one of the two, never in both.
    private(set) var idleLinks = IndexLinks()
    private var idleLinksInOrg = IndexLinks()
    /// Entries to be destroyed whose destruction has not begun.
    private(set) var doomed = IndexList()
    /// A slot is queued or doomed, never both.
    private(set) var queueLinks = IndexLinks()

    /// Orgs with demand, which take turns.
    var ring = DeficitRoundRobin()
    /// The sum of the orgs' demands.
    var demand = 0
    var overfullAccounts = 0

    init(configuration: PoolConfiguration) {
        self.configuration = configuration
    }

    // MARK: Slots

    func slot(of key: PoolKey) -> Int? { slotOfKey[key] }

    func account(of org: OrgID) -> Int? { accountOfOrg[org] }

    mutating func openAccount(of org: OrgID) -> Int {
        if let account = accountOfOrg[org] { return account }
        let account = accounts.count
        accounts.append(Account(org: org, limits: AccountLimits(of: org, in: configuration)))
        ring.grow(to: accounts.count)
        accountOfOrg[org] = account
        return account
    }

    /// A vacant slot for `key`, which no slot has.
    mutating func takeSlot(for key: PoolKey) -> Int {
        let slot: Int
        if let reused = vacant.popLast() {
            slot = reused
        } else {
            slot = slots.count
            slots.append(EntrySlot())
            idleLinks.grow(to: slots.count)
            idleLinksInOrg.grow(to: slots.count)
            queueLinks.grow(to: slots.count)
        }
        slots[slot].org = openAccount(of: key.org)
        slots[slot].isKeyed = key.name != nil
        if key.name != nil {
            slotOfKey[key] = slot
        }
        return slot
    }

    /// Makes the key free for another slot. The entry, if there is one, is handed out no more.
    mutating func forget(_ key: PoolKey, of slot: Int) {
        guard slotOfKey[key] == slot else { return }
        slotOfKey[key] = nil
    }

    mutating func vacate(_ slot: Int) {
        change(slot) {
            $0.phase = .vacant
            $0.generation &+= 1
        }
        vacant.append(slot)
    }

    /// Moves a slot to another phase; its place in the lists and all counts follow.
    mutating func change(_ slot: Int, _ body: (inout EntrySlot) -> Void) {
        let old = slots[slot].standing
        let wasResting = slots[slot].phase == .resting
        body(&slots[slot])
        let new = slots[slot].standing
        let account = slots[slot].org
        accounts[account].resting += (slots[slot].phase == .resting ? 1 : 0) - (wasResting ? 1 : 0)
        guard new != old else { return }
        statistics.move(from: old, to: new)
        accounts[account].statistics.move(from: old, to: new)
        switch old {
        case .idle: leaveIdle(slot)
        case .queued: queueLinks.remove(slot, from: &accounts[account].queue)
        default: break
        }
        switch new {
        case .idle: joinIdle(slot)
        case .queued: queueLinks.append(slot, to: &accounts[account].queue)
        case .destroying: queueLinks.append(slot, to: &doomed)
        default: break
        }
        if old.takesRoom != new.takesRoom || old == .queued || new == .queued {
            refreshDemand(of: account)
        }
    }

    /// The next entry whose destruction may begin.
    mutating func nextDoomed() -> Int? {
        let begun = statistics.destroying - Int(doomed.count)
        guard begun < configuration.maxConcurrentDestructions else { return nil }
        return queueLinks.popFirst(from: &doomed)
    }

    /// The idle entry that may be evicted and was used least recently.
    var leastRecentlyUsed: Int? {
        guard let first = idle.first else { return idleWithOwnTimeout.first }
        guard let other = idleWithOwnTimeout.first else { return first }
        return slots[other].idleSince < slots[first].idleSince ? other : first
    }

    mutating func joinIdle(_ slot: Int) {
        guard slots[slot].isEvictable else { return }
        if slots[slot].expiresWithPool {
            idleLinks.append(slot, to: &idle)
        } else {
            idleLinks.append(slot, to: &idleWithOwnTimeout)
        }
        idleLinksInOrg.append(slot, to: &accounts[slots[slot].org].idle)
    }

    mutating func leaveIdle(_ slot: Int) {
        guard slots[slot].isEvictable else { return }
        if slots[slot].expiresWithPool {
            idleLinks.remove(slot, from: &idle)
        } else {
            idleLinks.remove(slot, from: &idleWithOwnTimeout)
        }
        idleLinksInOrg.remove(slot, from: &accounts[slots[slot].org].idle)
    }
}
