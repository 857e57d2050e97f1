extension PoolLedger {
    /// The slot of a live entry that may have one more lease. Changes nothing; mutating, because a call from
    /// another module would copy the books otherwise.
    @usableFromInline
    mutating func readySlot(for key: PoolKey) -> Int? {
        guard isOpen, key.name != nil, let slot = slot(of: key), hasLeaseLeft(slot) else { return nil }
        return slot
    }

    func hasLeaseLeft(_ slot: Int) -> Bool {
        slots[slot].phase == .live && slots[slot].leases < slots[slot].maxLeases
    }

    /// The slot must have a lease left.
    @usableFromInline
    mutating func beginLease(on slot: Int, at now: Duration, isHit: Bool) -> LeaseID {
        let account = slots[slot].org
        let wasIdle = slots[slot].leases == 0
        if wasIdle {
            leaveIdle(slot)
        }
        slots[slot].leases += 1
        statistics.leaseBegan(wasIdle: wasIdle, isHit: isHit)
        accounts[account].statistics.leaseBegan(wasIdle: wasIdle, isHit: isHit)
        return leases.begin(entry: slot, generation: slots[slot].generation, at: now)
    }

    /// Releases a lease whose end concerns nobody else. false, and nothing done, where it does: where someone
    /// waits for the lease or for room, or the entry is to be destroyed or needs a timer.
    @usableFromInline
    mutating func releaseQuickly(_ id: LeaseID, at now: Duration) -> Bool {
        guard let record = leases.record(of: id) else {
            statistics.staleReleases &+= 1
            return true
        }
        let slot = Int(record.entry)
        let isQuick =
            isOpen && slots[slot].phase == .live && slots[slot].isKeyed && slots[slot].waiters.isEmpty
            && (slots[slot].leases > 1 || !slots[slot].needsIdleTimer && !wantsIdleEntries)
        guard isQuick else { return false }
        _ = release(id, at: now)
        return true
    }

    /// Whether the next entry that becomes idle may have to go at once.
    private var wantsIdleEntries: Bool {
        statistics.queued > 0 || overfullAccounts > 0 || statistics.entries > configuration.maxEntries
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
        slots[slot].leases -= 1
        let isIdle = slots[slot].leases == 0 && slots[slot].phase == .live
        statistics.leaseEnded(isIdle: isIdle, after: hold)
        accounts[account].statistics.leaseEnded(isIdle: isIdle, after: hold)
        if isIdle {
            slots[slot].idleSince = now
            joinIdle(slot)
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
