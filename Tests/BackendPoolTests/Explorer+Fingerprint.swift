import AgentBackend

@testable import BackendPool

extension World {
    /// Equal for two states from which the same can happen. Numbers of entries, waiters and leases are told by
    /// the places where they occur, times by their distance from now, and counters not at all.
    var fingerprint: [Int] {
        var print: [Int] = [budget.acquires, budget.failures, budget.breaks, budget.ticks]
        print += [budget.evictions, budget.drains, budget.repeatedReleases, spentLease == nil ? 0 : 1]
        print += [budget.otherAcquires, budget.limitChanges, machine.configuration.orgs.count]
        for (index, slot) in machine.ledger.slots.enumerated() {
            print += [-1, Int(slot.phase.rawValue), slot.org, Int(slot.leases)]
            print.append(slot.standing == .idle ? distance(slot.idleSince) : 0)
            guard let payload = machine.payloads[index] else { continue }
            print += [keys.firstIndex { $0.key == payload.key } ?? -1, payload.failures?.count ?? 0]
            print += [payload.configuration, slot.needsIdleTimer ? 1 : 0]
            print.append(payload.timer.map { distance(machine.timers.deadline(of: $0)) } ?? -1)
            print.append(payload.endOfLife.map { distance($0) } ?? -1)
            print.append(payload.failures.map { distance($0.retryAt) } ?? 0)
            print.append(machine.entries[index].map { broken.contains($0.number) ? 2 : 1 } ?? 0)
            var waiter = slot.waiters.first
            while let index = waiter {
                print.append(-2)
                print.append(machine.waiters[index].map { distance($0.since) } ?? 0)
                waiter = machine.waiters.slotSuccessor(of: index)
            }
        }
        print.append(-3)
        print += machine.ledger.order
        print.append(-4)
        print += creations.map { $0.slot } + [-5] + destructions.map { $0.slot }
        for lease in leases {
            print += [-6, machine.entries.firstIndex { $0?.number == lease.entry } ?? -1, lease.isRevoked ? 1 : 0]
        }
        print += [-7, distance(machine.nextCleanup), machine.nextWakeUp.map { distance($0) } ?? -1]
        print += wakeUps.map { distance($0) }.sorted()
        switch machine.lifecycle {
        case .running: print.append(-8)
        case .draining(_, let deadline, let hasOverrun): print += [-9, distance(deadline), hasOverrun ? 1 : 0]
        case .stopped: print.append(-10)
        }
        return print
    }

    /// In milliseconds.
    private func distance(_ time: Duration) -> Int {
        Int((time - now) / .milliseconds(1))
    }
}

extension PoolLedger {
    /// All lists and the turns, flat.
    var order: [Int] {
        var order =
            flat(idle, idleLinks) + flat(idleWithOwnTimeout, idleLinks) + flat(doomed, queueLinks)
            + flat(ring.current, ring.links) + flat(ring.next, ring.links)
        for (index, account) in accounts.enumerated() {
            order += [ring.hasHadTurn(index) ? 1 : 0, account.demand] + flat(account.queue, queueLinks)
        }
        return order
    }

    private func flat(_ list: IndexList, _ links: IndexLinks) -> [Int] {
        var flat = [-20]
        var next = list.first
        while let index = next {
            flat.append(index)
            next = links.next(after: index)
        }
        return flat
    }
}
