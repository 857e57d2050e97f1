/// The pool's books: which key has which slot, who is idle, who waits for room, and how many of each.
///
/// Knows nothing of entries, configurations or callers, so it is compiled once and not per kind of entry; the
/// two steps of a hit, ``readySlot(for:)`` and ``beginLease(on:at:isHit:)``, and the way back,
/// ``releaseQuickly(_:at:)``, are plain calls that touch a few cache lines and allocate nothing. A value; the
/// ``PoolStateMachine`` around it decides.
@usableFromInline
struct PoolLedger {
    /// One org's share of the books.
    struct Account {
        let org: OrgID
        var statistics = PoolStatistics()
        /// Idle entries that may be destroyed, the least recently used first.
        var idle = IndexList()
        /// Slots that wait for room, the first come first.
        var queue = IndexList()
        /// Acquires that wait, the first come first.
        var waiters = IndexList()
        /// Slots that rest after a failure.
        var resting = 0
        /// How many queued slots could be granted now if there were room in the pool. More than 0 exactly
        /// while the org is in the ring.
        var demand = 0
        /// Grants left to the org in its present turn.
        var deficit = 0
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
    private var leases = LeaseTable()

    /// All idle entries that may be destroyed, the least recently used first.
    private(set) var idle = IndexList()
    private(set) var idleLinks = IndexLinks()
    private var idleLinksInOrg = IndexLinks()
    /// Entries to be destroyed whose destruction has not begun.
    private(set) var doomed = IndexList()
    /// A slot is queued or doomed, never both.
    private(set) var queueLinks = IndexLinks()

    /// Orgs with demand, in the order in which they take turns.
    private(set) var ring = IndexList()
    private(set) var ringLinks = IndexLinks()
    private var demand = 0

    init(configuration: PoolConfiguration) {
        self.configuration = configuration
    }

    // MARK: Slots

    func slot(of key: PoolKey) -> Int? { slotOfKey[key] }

    func account(of org: OrgID) -> Int? { accountOfOrg[org] }

    mutating func openAccount(of org: OrgID) -> Int {
        if let account = accountOfOrg[org] { return account }
        let account = accounts.count
        accounts.append(Account(org: org))
        ringLinks.grow(to: accounts.count)
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

    private mutating func joinIdle(_ slot: Int) {
        guard slots[slot].isEvictable else { return }
        idleLinks.append(slot, to: &idle)
        idleLinksInOrg.append(slot, to: &accounts[slots[slot].org].idle)
    }

    private mutating func leaveIdle(_ slot: Int) {
        guard slots[slot].isEvictable else { return }
        idleLinks.remove(slot, from: &idle)
        idleLinksInOrg.remove(slot, from: &accounts[slots[slot].org].idle)
    }
}

// MARK: - Leases

extension PoolLedger {
    /// The slot of a live entry that may have one more lease. Changes nothing; mutating, because a call from
    /// another module would copy the books otherwise.
    @usableFromInline
    mutating func readySlot(for key: PoolKey) -> Int? {
        guard isOpen, key.name != nil, let slot = slotOfKey[key], hasLeaseLeft(slot) else { return nil }
        return slot
    }

    func hasLeaseLeft(_ slot: Int) -> Bool {
        slots[slot].phase == .live && Int(slots[slot].leases) < configuration.maxLeasesPerEntry
    }

    /// The slot must have a lease left.
    @usableFromInline
    mutating func beginLease(on slot: Int, at now: Duration, isHit: Bool) -> LeaseID {
        let account = slots[slot].org
        if slots[slot].leases == 0 {
            leaveIdle(slot)
        }
        let wasIdle = slots[slot].leases == 0
        slots[slot].leases += 1
        statistics.leaseBegan(wasIdle: wasIdle, isHit: isHit)
        accounts[account].statistics.leaseBegan(wasIdle: wasIdle, isHit: isHit)
        return leases.begin(entry: slot, generation: slots[slot].generation, at: now)
    }

    /// Releases a lease whose end concerns nobody else. false, and nothing done, where it does: where someone
    /// waits for the lease or for room, or the entry is to be destroyed.
    @usableFromInline
    mutating func releaseQuickly(_ id: LeaseID, at now: Duration) -> Bool {
        guard let record = leases.record(of: id) else {
            statistics.staleReleases &+= 1
            return true
        }
        let slot = Int(record.entry)
        let isQuick =
            isOpen && slots[slot].phase == .live && slots[slot].isKeyed && slots[slot].waiters.isEmpty
            && (slots[slot].leases > 1 || statistics.queued == 0)
        guard isQuick else { return false }
        _ = release(id, at: now)
        return true
    }

    /// The entry's slot, with one lease less. nil, and counted, where the lease had ended already.
    mutating func release(_ id: LeaseID, at now: Duration) -> Int? {
        guard let record = leases.record(of: id) else {
            statistics.staleReleases &+= 1
            return nil
        }
        leases.end(id)
        let slot = Int(record.entry)
        let account = slots[slot].org
        guard slots[slot].generation == record.entryGeneration else {
            statistics.staleReleases &+= 1
            return nil
        }
        let hold = now - record.since
        statistics.leaseEnded(after: hold)
        accounts[account].statistics.leaseEnded(after: hold)
        if slots[slot].leases == 1, slots[slot].phase == .live {
            slots[slot].idleSince = now
            change(slot) { $0.leases = 0 }
        } else {
            slots[slot].leases -= 1
        }
        return slot
    }

    /// Ends all leases of a slot; their holders' releases come too late then. Says how many.
    mutating func revokeLeases(of slot: Int) -> Int {
        let revoked = Int(slots[slot].leases)
        statistics.leases -= revoked
        accounts[slots[slot].org].statistics.leases -= revoked
        change(slot) {
            $0.leases = 0
            $0.generation &+= 1
        }
        return revoked
    }
}

// MARK: - Room

extension PoolLedger {
    /// Whether the org has as many entries as it may.
    func isFull(_ account: Int) -> Bool {
        accounts[account].statistics.entries >= configuration.maxEntriesPerOrg
    }

    /// Grants room to the queued slot whose turn it is, while there is room.
    ///
    /// Deficit round robin between orgs: in its turn an org is granted as many entries as its weight says,
    /// then goes to the end of the ring. An org that cannot use its turn loses it.
    mutating func grantRoom() -> Int? {
        guard statistics.entries < configuration.maxEntries, let account = ring.first,
            let slot = accounts[account].queue.first
        else { return nil }
        if accounts[account].deficit == 0 {
            accounts[account].deficit = configuration.orgWeights[accounts[account].org] ?? 1
        }
        accounts[account].deficit -= 1
        change(slot) { $0.phase = .creating }
        if accounts[account].demand > 0, accounts[account].deficit == 0 {
            ringLinks.remove(account, from: &ring)
            ringLinks.append(account, to: &ring)
        }
        return slot
    }

    /// The idle entry to destroy for those that wait for room, unless enough are being destroyed already: the
    /// least recently used of the org where the org's limit is in the way, else of the pool.
    func victim(for account: Int) -> Int? {
        let waiting = Int(accounts[account].queue.count)
        let living = accounts[account].statistics.entries - accounts[account].statistics.destroying
        if let slot = accounts[account].idle.first, waiting > configuration.maxEntriesPerOrg - living {
            return slot
        }
        guard demand > configuration.maxEntries - (statistics.entries - statistics.destroying) else { return nil }
        return idle.first
    }

    mutating func refreshDemand(of account: Int) {
        let headroom = max(configuration.maxEntriesPerOrg - accounts[account].statistics.entries, 0)
        let old = accounts[account].demand
        let new = min(Int(accounts[account].queue.count), headroom)
        guard new != old else { return }
        accounts[account].demand = new
        demand += new - old
        if old == 0 {
            ringLinks.append(account, to: &ring)
        } else if new == 0 {
            ringLinks.remove(account, from: &ring)
            accounts[account].deficit = 0
        }
    }
}
