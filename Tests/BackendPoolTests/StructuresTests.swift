import AgentBackend
import Testing

@testable import BackendPool

/// Lists, timers, leases and keys by themselves.
@Suite struct StructuresTests {
    // MARK: IndexLinks

    @Test func aListKeepsItsOrderWhateverIsRemoved() {
        var links = IndexLinks()
        var list = IndexList()
        links.grow(to: 5)
        for index in [3, 1, 4, 0, 2] {
            links.append(index, to: &list)
        }
        links.remove(4, from: &list)
        links.remove(3, from: &list)
        links.remove(2, from: &list)
        #expect(list.count == 2)
        links.append(3, to: &list)
        #expect(links.popFirst(from: &list) == 1)
        #expect(links.popFirst(from: &list) == 0)
        #expect(links.popFirst(from: &list) == 3)
        #expect(links.popFirst(from: &list) == nil)
        #expect(list.isEmpty && list.first == nil)
    }

    @Test func listsShareLinks() {
        var links = IndexLinks()
        var (odd, even) = (IndexList(), IndexList())
        links.grow(to: 6)
        for index in 0..<6 {
            if index.isMultiple(of: 2) {
                links.append(index, to: &even)
            } else {
                links.append(index, to: &odd)
            }
        }
        links.remove(3, from: &odd)
        #expect(links.next(after: 1) == 5)
        #expect(links.next(after: 0) == 2)
        #expect(even.count == 3 && odd.count == 2)
    }

    // MARK: TimerHeap

    @Test func timersComeInTheOrderOfTheirDeadlines() {
        var random = SplitMix64(seed: 7)
        var heap = TimerHeap<Int>()
        var expected: [(deadline: Int, owner: Int)] = []
        var ids: [TimerHeap<Int>.ID] = []
        for owner in 0..<500 {
            let deadline = Int.random(in: 0..<100, using: &random)
            ids.append(heap.insert(owner, at: .seconds(deadline)))
            expected.append((deadline, owner))
        }
        for owner in stride(from: 0, to: 500, by: 3) {
            heap.remove(ids[owner])
            expected.removeAll { $0.owner == owner }
        }
        #expect(heap.count == expected.count)
        for now in 0..<100 {
            var due: Set<Int> = []
            while let owner = heap.popDue(at: .seconds(now)) {
                due.insert(owner)
            }
            #expect(due == Set(expected.filter { $0.deadline == now }.map(\.owner)))
        }
        #expect(heap.count == 0)
        #expect(heap.earliest == nil)
    }

    @Test func aTimerIsDueAtItsDeadlineAndNotBefore() {
        var heap = TimerHeap<String>()
        _ = heap.insert("late", at: .seconds(2))
        _ = heap.insert("early", at: .seconds(1))
        #expect(heap.earliest == .seconds(1))
        #expect(heap.popDue(at: .milliseconds(999)) == nil)
        #expect(heap.popDue(at: .seconds(1)) == "early")
        #expect(heap.popDue(at: .seconds(1)) == nil)
    }

    // MARK: LeaseTable

    @Test func anOldLeaseIsNeverValidAgain() {
        var leases = LeaseTable()
        let first = leases.begin(entry: 5, generation: 9, at: .zero)
        #expect(leases.record(of: first)?.entry == 5)
        leases.end(first)
        #expect(leases.record(of: first) == nil)
        let next = LeaseID(slot: first.slot, generation: first.generation + 1)
        #expect(leases.record(of: next) == nil, "one that was not handed out yet")
        let second = leases.begin(entry: 6, generation: 1, at: .zero)
        #expect(second.slot == first.slot)
        #expect(second != first)
        #expect(leases.record(of: first) == nil)
        #expect(leases.record(of: LeaseID(slot: 1, generation: 1)) == nil)
    }

    @Test func aSlotWhoseGenerationsAreUsedUpIsGivenUp() {
        var leases = LeaseTable(firstGeneration: .max - 1)
        for _ in 0..<2 {
            let lease = leases.begin(entry: 0, generation: 1, at: .zero)
            #expect(lease.slot == 0)
            leases.end(lease)
        }
        #expect(leases.begin(entry: 0, generation: 1, at: .zero).slot == 1)
    }

    @Test func aLeaseIDSurvivesTheWireAndIsNeverZero() {
        for id in [LeaseID(slot: 0, generation: 1), LeaseID(slot: .max, generation: .max)] {
            #expect(LeaseID(rawValue: id.rawValue) == id)
            #expect(id.rawValue != 0)
        }
    }

    // MARK: PoolKey

    @Test func keysAreEqualByOrgTypeAndName() {
        let keys: Set = [
            PoolKey(org: 1, type: .memory, name: "a"),
            PoolKey(org: 2, type: .memory, name: "a"),
            PoolKey(org: 1, type: .localFilesystem, name: "a"),
            PoolKey(org: 1, type: .memory, name: "b"),
            PoolKey(org: 1, type: .memory, name: nil),
            PoolKey(org: 1, type: .memory, name: "a"),
        ]
        #expect(keys.count == 5)
        let long = String(repeating: "x", count: 100)
        #expect(key(long) == key(String(repeating: "x", count: 50) + String(repeating: "x", count: 50)))
        #expect(key(long) != key(long + "y"))
    }

    // MARK: DurationHistogram

    @Test func durationsAreCountedInBucketsThatDouble() {
        var histogram = DurationHistogram()
        for bucket in 0..<DurationHistogram.bucketCount {
            let bound = DurationHistogram.upperBound(ofBucket: bucket)
            histogram.record(bound - .nanoseconds(1))
            #expect(histogram[bucket] == (bucket == 0 ? 1 : 2))
            histogram.record(bound)
        }
        histogram.record(.seconds(-5))
        histogram.record(.seconds(1_000_000_000))
        #expect(histogram[0] == 2)
        #expect(histogram[DurationHistogram.bucketCount - 1] == 4)
        #expect(histogram.count == 66)
        #expect(DurationHistogram.upperBound(ofBucket: 0) == Duration(attoseconds: 1 << 41))
    }

    // MARK: PoolConfiguration

    @Test func theDefaultsMakeSense() throws {
        try PoolConfiguration().validate()
    }

    static let senseless: [@Sendable (inout PoolConfiguration) -> Void] = [
        { $0.maxEntries = 0 }, { $0.maxEntriesPerOrg = -1 }, { $0.maxLeasesPerEntry = 0 },
        { $0.maxWaitersPerOrg = .max }, { $0.maxConcurrentDestructions = 0 }, { $0.orgs = [1: .init(weight: 0)] },
        { $0.orgs = [1: .init(maxEntries: -1)] }, { $0.orgs = [1: .init(maxLeasesPerEntry: 0)] },
        { $0.orgs = [1: .init(maxWaiters: 0)] },
        { $0.idleTimeout = .zero }, { $0.cleanupInterval = .seconds(-1) }, { $0.maxLifetime = .zero },
        { $0.defaultQueueDeadline = .seconds(Int64.max) }, { $0.creationBackoff.initial = .zero },
        { $0.creationBackoff.maximum = .zero }, { $0.lifetimeJitter = 1.5 }, { $0.creationBackoff.jitter = .nan },
    ]

    @Test(arguments: senseless.indices)
    func whatMakesNoSenseIsRefused(_ index: Int) {
        var configuration = PoolConfiguration()
        Self.senseless[index](&configuration)
        let wrong = configuration
        let error = #expect(throws: BackendError.self) { try wrong.validate() }
        #expect(error?.code == .invalidConfiguration)
    }

    // MARK: Mailbox

    @Test func aMailboxKeepsTheOrderAndEndsAfterWhatWasSent() async {
        let mailbox = Mailbox<Int>()
        mailbox.send(1)
        mailbox.send(2)
        #expect(await mailbox.next() == [1, 2])
        async let next = mailbox.next()
        mailbox.send(3)
        #expect(await next == [3])
        mailbox.send(4)
        mailbox.finish()
        mailbox.send(5)
        #expect(await mailbox.next() == [4])
        #expect(await mailbox.next() == nil)
    }

    @Test(.timeLimit(.minutes(1))) func aMailboxWorksInACancelledTask() async {
        let mailbox = Mailbox<Int>()
        await withTaskGroup(of: [Int]?.self) { group in
            group.cancelAll()
            group.addTask { await mailbox.next() }
            mailbox.send(1)
            #expect(await group.next() == [1])
        }
    }
}
