internal import AgentBackend

/// Names one acquire that waits. The driver numbers them.
package struct WaiterID: Hashable, Sendable {
    let rawValue: UInt64
}

/// The acquires that wait. Adding and removing anywhere take constant time.
///
/// Each is in three lists: that of its slot, which says who is served first, and those of its org and of all,
/// which say who has waited longest.
struct WaiterTable<Payload> {
    struct Record {
        let id: WaiterID
        /// What the driver wants back when the wait ends.
        let payload: Payload
        let account: Int
        let since: Duration
        let deadline: TimerHeap<TimerOwner>.ID
        var slot: Int
    }

    private var records: [Record?] = []
    private var vacant: [Int] = []
    private var indexOfID: [WaiterID: Int] = [:]
    private var slotLinks = IndexLinks()
    private var accountLinks = IndexLinks()
    private var links = IndexLinks()
    private var all = IndexList()

    subscript(index: Int) -> Record? { records[index] }

    func index(of id: WaiterID) -> Int? { indexOfID[id] }

    /// The index that the next record gets, for its timer.
    var nextIndex: Int { vacant.last ?? records.count }

    mutating func add(_ record: Record, to ledger: inout PoolLedger) {
        let index = nextIndex
        if vacant.popLast() == nil {
            records.append(nil)
            slotLinks.grow(to: records.count)
            accountLinks.grow(to: records.count)
            links.grow(to: records.count)
        }
        records[index] = record
        indexOfID[record.id] = index
        slotLinks.append(index, to: &ledger.slots[record.slot].waiters)
        accountLinks.append(index, to: &ledger.accounts[record.account].waiters)
        links.append(index, to: &all)
        ledger.statistics.waiting += 1
        ledger.accounts[record.account].statistics.waiting += 1
    }

    mutating func remove(_ index: Int, from ledger: inout PoolLedger) -> Record? {
        guard let record = records[index] else { return nil }
        records[index] = nil
        vacant.append(index)
        indexOfID[record.id] = nil
        slotLinks.remove(index, from: &ledger.slots[record.slot].waiters)
        accountLinks.remove(index, from: &ledger.accounts[record.account].waiters)
        links.remove(index, from: &all)
        ledger.statistics.waiting -= 1
        ledger.accounts[record.account].statistics.waiting -= 1
        return record
    }

    /// Makes all that wait for `slot` wait for `successor`, in their order.
    mutating func move(from slot: Int, to successor: Int, in ledger: inout PoolLedger) {
        while let index = slotLinks.popFirst(from: &ledger.slots[slot].waiters) {
            slotLinks.append(index, to: &ledger.slots[successor].waiters)
            records[index]?.slot = successor
        }
    }

    /// The one that comes after `index` among those that wait for the same slot.
    func slotSuccessor(of index: Int) -> Int? { slotLinks.next(after: index) }

    func longestWait(at now: Duration) -> Duration { wait(of: all, at: now) }

    /// How long the first of a list by age has waited.
    func wait(of list: IndexList, at now: Duration) -> Duration {
        guard let first = list.first, let record = records[first] else { return .zero }
        return max(now - record.since, .zero)
    }
}

/// Whose timer it is.
enum TimerOwner {
    /// A waiter, by its index: its deadline.
    case waiter(Int)
    /// A slot: the end of its rest or of its lifetime.
    case slot(Int)
}
