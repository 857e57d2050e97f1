extension PoolLedger {
    /// Limits have changed; those of live entries are set apart.
    mutating func reconfigure(_ configuration: PoolConfiguration) {
        self.configuration = configuration
        for account in accounts.indices {
            accounts[account].limits = AccountLimits(of: accounts[account].org, in: configuration)
            refreshDemand(of: account)
        }
    }

    /// `asked`: what the entry asks for; nil: as many as it may.
    mutating func setMaxLeases(of slot: Int, _ asked: Int?) {
        let allowed = accounts[slots[slot].org].limits.maxLeasesPerEntry
        slots[slot].maxLeases = Int32(clamping: max(1, min(asked ?? allowed, allowed)))
    }

    /// Whether the org has as many entries as it may.
    func isFull(_ account: Int) -> Bool {
        accounts[account].statistics.entries >= accounts[account].limits.maxEntries
    }

    /// Grants room to the queued slot whose turn it is, while there is room.
    ///
    /// Orgs take turns; one that cannot use its turn loses it.
    mutating func grantRoom() -> Int? {
        guard statistics.entries < configuration.maxEntries, let account = ring.first,
            let slot = accounts[account].queue.first
        else { return nil }
        ring.grant(weight: accounts[account].limits.weight)
        change(slot) { $0.phase = .creating }
        return slot
    }

    /// The idle entry to destroy for those that wait for room, unless enough are being destroyed already: the
    /// least recently used of the org where the org's limit is in the way, else of the pool.
    func victim(for account: Int) -> Int? {
        let waiting = Int(accounts[account].queue.count)
        let living = accounts[account].statistics.entries - accounts[account].statistics.destroying
        if let slot = accounts[account].idle.first, waiting > accounts[account].limits.maxEntries - living {
            return slot
        }
        guard demand > configuration.maxEntries - (statistics.entries - statistics.destroying) else { return nil }
        return leastRecentlyUsed
    }

    /// Brings up to date what follows from an org's number of entries, its queue and its limit.
    mutating func refreshDemand(of account: Int) {
        let headroom = accounts[account].limits.maxEntries - accounts[account].statistics.entries
        if (headroom < 0) != accounts[account].isOverfull {
            accounts[account].isOverfull = headroom < 0
            overfullAccounts += headroom < 0 ? 1 : -1
        }
        let old = accounts[account].demand
        let new = min(Int(accounts[account].queue.count), max(headroom, 0))
        guard new != old else { return }
        accounts[account].demand = new
        demand += new - old
        if old == 0 {
            ring.join(account)
        } else if new == 0 {
            ring.leave(account)
        }
    }
}
