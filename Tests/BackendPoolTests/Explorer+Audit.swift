import AgentBackend

@testable import BackendPool

extension World {
    /// What is wrong in this state; empty when all is well.
    func audit() -> [String] {
        var wrong = violations
        wrong += auditSlots()
        wrong += auditWaiters()
        wrong += auditRoom()
        wrong += auditCounts()
        wrong += auditIdleTimes()
        if isFinished, !living.isEmpty || !creations.isEmpty || !destructions.isEmpty || !waiters.isEmpty {
            wrong.append("the drain ended too early")
        }
        return wrong
    }

    /// At most one live entry per key; what cannot be reached has no waiters; leases are those of the model.
    private func auditSlots() -> [String] {
        var wrong: [String] = []
        var holders: Set<PoolKey> = []
        for (index, slot) in machine.ledger.slots.enumerated() {
            let key = machine.payloads[index]?.key
            if (key == nil) != (slot.phase == .vacant) { wrong.append("slot \(index) has a key and is vacant, or not") }
            guard let key else { continue }
            let isCurrent = key.name != nil && machine.ledger.slot(of: key) == index
            switch slot.phase {
            case .queued, .creating, .live, .resting:
                if key.name != nil, !isCurrent || !holders.insert(key).inserted {
                    wrong.append("two slots for \(key)")
                }
            case .retired, .destroying, .vacant:
                if isCurrent { wrong.append("a dying entry can be found by \(key)") }
                if !slot.waiters.isEmpty { wrong.append("someone waits for a dying entry") }
            }
            let entry = machine.entries[index]?.number
            if slot.phase == .live || slot.phase == .retired,
                entry.flatMap({ living[$0] }).map({ keys[$0.key].key }) != key
            {
                wrong.append("slot \(index) is live without a living entry")
            }
            let held = leases.filter { $0.entry == entry && !$0.isRevoked }.count
            if Int(slot.leases) != held { wrong.append("slot \(index) has \(slot.leases) leases, not \(held)") }
            if held > machine.configuration.maxLeasesPerEntry { wrong.append("slot \(index) has too many leases") }
        }
        return wrong
    }

    /// Every waiter that was not answered is in the machine, and has a reason to wait.
    private func auditWaiters() -> [String] {
        var wrong: [String] = []
        var seen: Set<Int> = []
        for (index, slot) in machine.ledger.slots.enumerated() {
            var next = slot.waiters.first
            while let waiter = next {
                next = machine.waiters.slotSuccessor(of: waiter)
                guard let record = machine.waiters[waiter], record.slot == index else {
                    wrong.append("slot \(index) has a stranger for a waiter")
                    continue
                }
                seen.insert(record.payload)
            }
            if slot.phase == .live, !slot.waiters.isEmpty, machine.ledger.hasLeaseLeft(index) {
                wrong.append("someone waits for slot \(index), which has a lease left")
            }
            if slot.phase == .queued, slot.waiters.isEmpty { wrong.append("slot \(index) waits for nobody") }
        }
        if seen != Set(waiters.keys) { wrong.append("forgotten: \(Set(waiters.keys).symmetricDifference(seen))") }
        if machine.timers.count < waiters.count { wrong.append("someone waits without a deadline") }
        if !waiters.isEmpty, wakeUps.isEmpty { wrong.append("someone waits and no wake-up is outstanding") }
        return wrong
    }

    /// Limits hold, and nobody waits for room that there is or that an idle entry could give.
    private func auditRoom() -> [String] {
        var wrong: [String] = []
        let limits = machine.configuration
        let total = count { $0.standing.takesRoom }
        if total > limits.maxEntries { wrong.append("\(total) entries are too many") }
        for account in machine.ledger.accounts.indices {
            let own = count { $0.standing.takesRoom && $0.org == account }
            let allowed = machine.ledger.accounts[account].limits.maxEntries
            if own > allowed {
                if !wasLowered { wrong.append("org \(account) has too many entries") }
                let couldGo = count { $0.standing == .idle && $0.isEvictable && $0.org == account }
                let going = count { $0.standing == .destroying && $0.org == account }
                if drainDeadline == nil, couldGo > 0, own - going > allowed {
                    wrong.append("org \(account) keeps idle entries beyond its limit")
                }
            }
            guard count({ $0.phase == .queued && $0.org == account }) > 0 else { continue }
            let isFull = own >= allowed
            if !isFull, total < limits.maxEntries { wrong.append("org \(account) waits for room that there is") }
            let couldGo = count { $0.standing == .idle && $0.isEvictable && (!isFull || $0.org == account) }
            let going = count { $0.standing == .destroying && (!isFull || $0.org == account) }
            if couldGo > 0, going == 0 { wrong.append("org \(account) waits while something idle is kept") }
        }
        return wrong
    }

    /// Whoever is idle will be looked at when the idle time ends.
    private func auditIdleTimes() -> [String] {
        guard drainDeadline == nil else { return [] }
        let next = wakeUps.min() ?? .seconds(1_000_000)
        return living.compactMap { entry, life in
            guard let end = endOfIdleTime(life), next > end + Self.grain, isLive(entry) else { return nil }
            return "entry \(entry) is idle and nobody looks at it when its time ends"
        }
    }

    private func auditCounts() -> [String] {
        var wrong = differences(machine.statistics(at: now), "all", leases.filter { !$0.isRevoked }.count) { _ in true }
        for (index, account) in machine.ledger.accounts.enumerated() {
            let entries = machine.ledger.slots.indices.filter { machine.ledger.slots[$0].org == index }
            let held = entries.reduce(0) { $0 + Int(machine.ledger.slots[$1].leases) }
            wrong += differences(account.statistics, "org \(account.org)", held) { $0.org == index }
            let resting = count { $0.phase == .resting && $0.org == index }
            if resting != account.resting { wrong.append("org \(account.org): resting is miscounted") }
        }
        let listed = machine.ledger.idle.count + machine.ledger.idleWithOwnTimeout.count
        if Int(listed) != count({ $0.standing == .idle && $0.isEvictable }) { wrong.append("the idle lists are wrong") }
        return wrong
    }

    private func differences(
        _ statistics: PoolStatistics,
        _ name: String,
        _ held: Int,
        _ isMeant: (EntrySlot) -> Bool
    ) -> [String] {
        let recounted: [(String, Int, Int)] = [
            ("active", statistics.active, count { $0.standing == .active && isMeant($0) }),
            ("idle", statistics.idle, count { $0.standing == .idle && isMeant($0) }),
            ("creating", statistics.creating, count { $0.standing == .creating && isMeant($0) }),
            ("destroying", statistics.destroying, count { $0.standing == .destroying && isMeant($0) }),
            ("queued", statistics.queued, count { $0.standing == .queued && isMeant($0) }),
            (
                "waiting", statistics.waiting,
                machine.ledger.slots.filter(isMeant).reduce(0) { $0 + Int($1.waiters.count) }
            ),
            ("leases", statistics.leases, held),
        ]
        return recounted.filter { $0.1 != $0.2 }.map { "\(name): \($0.0) is \($0.1), not \($0.2)" }
    }

    /// When an idle entry must be gone; nil: never, or it is leased.
    private func endOfIdleTime(_ life: Living) -> Duration? {
        guard let idleSince = life.idleSince else { return nil }
        let configuration = machine.configuration
        switch keys[life.key].idleTimeout {
        case .never: return nil
        case .after(let timeout): return idleSince + timeout
        case .pool where keys[life.key].isEvictable:
            return idleSince + configuration.idleTimeout + configuration.cleanupInterval
        case .pool: return idleSince + configuration.idleTimeout
        }
    }

    func isOverdue(_ entry: Int, _ life: Living) -> Bool {
        guard drainDeadline == nil, let end = endOfIdleTime(life) else { return false }
        return end + Self.grain < now && isLive(entry)
    }

    /// Handed out on acquire. Others end with their last lease, or wait for their destruction.
    private func isLive(_ entry: Int) -> Bool {
        machine.entries.indices.contains {
            machine.entries[$0]?.number == entry && machine.ledger.slots[$0].phase == .live
        }
    }

    /// Whether it is right that an entry is destroyed now, for this reason.
    func mayEnd(_ life: Living, _ reason: DestructionReason) -> Bool {
        let key = keys[life.key]
        switch reason {
        case .idle:
            let timeout: Duration? =
                switch key.idleTimeout {
                case .never: nil
                case .after(let timeout): timeout
                case .pool: machine.configuration.idleTimeout
                }
            guard let timeout, let idleSince = life.idleSince else { return false }
            return idleSince + timeout <= now
        case .room, .lifetime: return key.isEvictable
        case .keyless: return key.key.name == nil
        case .unusable, .evicted: return true
        case .drain: return drainDeadline != nil
        }
    }

    /// Wake-ups come at whole multiples of it.
    private static let grain: Duration = .milliseconds(10)

    private func count(_ isMeant: (EntrySlot) -> Bool) -> Int {
        machine.ledger.slots.reduce(0) { $0 + (isMeant($1) ? 1 : 0) }
    }

    /// Lets all that is under way come to its end without time going on, then drains. Returns what was left
    /// over: acquires that had nothing to wait for, entries that were not destroyed.
    func settled() -> [String] {
        var world = self
        while !world.creations.isEmpty || !world.destructions.isEmpty || !world.leases.isEmpty {
            if !world.creations.isEmpty {
                world.apply(.finishCreation(0))
            } else if !world.leases.isEmpty {
                world.apply(.release(0))
            } else {
                world.apply(.finishDestruction(0))
            }
        }
        // What may not be evicted can keep others waiting for ever: the audit says whether it is that.
        let isKept = world.living.values.contains { !keys[$0.key].isEvictable }
        let excused = world.machine.ledger.slots.filter { $0.phase == .resting || isKept && $0.phase == .queued }
            .reduce(0) { $0 + Int($1.waiters.count) }
        if world.waiters.count != excused { return ["\(world.waiters) were never served"] }
        let wrong = world.audit()
        if !wrong.isEmpty { return wrong }
        world.drain(until: world.now)
        while !world.destructions.isEmpty {
            world.apply(.finishDestruction(0))
        }
        return world.isFinished ? world.audit() : ["the drain never ended"]
    }
}
