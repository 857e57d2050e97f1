import Testing

@testable import LocalBackend

@Suite struct FileQueueTests {
    private struct Work: Equatable {
        let owner: UInt64
        let number: Int
        var isShort = false
    }

    private typealias Queue = FileQueue<Work>

    private func startsThread(_ addition: Queue.Addition) -> Bool {
        if case .startThread = addition { true } else { false }
    }

    /// A thread of its own for each that comes, until there are no more.
    @Test func startsThreads() {
        var queue = Queue(maximumThreads: 2)
        let started = (0..<4).map { startsThread(queue.add(Work(owner: 1, number: $0), of: 1, maximumThreads: 2)) }
        #expect(started == [true, true, false, false])
        #expect(queue.threads == 2)
    }

    /// A thousand of one owner delay another's by one turn of each thread.
    @Test func ownersTakeTurns() throws {
        var queue = Queue(maximumThreads: 1)
        for number in 0..<1000 { _ = queue.add(Work(owner: 1, number: number), of: 1, maximumThreads: 1) }
        let first = queue.next(after: nil, isShort: \.isShort)
        var turn = try #require(first)
        #expect(turn.works == [Work(owner: 1, number: 0)])
        _ = queue.add(Work(owner: 2, number: 0), of: 2, maximumThreads: 1)
        _ = queue.add(Work(owner: 3, number: 0), of: 3, maximumThreads: 1)
        var owners: [UInt64] = []
        for _ in 0..<4 {
            let next = queue.next(after: turn.owner, isShort: \.isShort)
            turn = try #require(next)
            owners.append(turn.owner)
        }
        // The first owner's next was in line before the others came.
        #expect(owners == [1, 2, 3, 1] || owners == [2, 3, 1, 1])
    }

    /// The last thread is for the others.
    @Test func oneOwnerNeverHasAllThreads() {
        var queue = Queue(maximumThreads: 4)
        let started = (0..<10).filter {
            startsThread(queue.add(Work(owner: 1, number: $0), of: 1, maximumThreads: 3))
        }
        var turns = 0
        for _ in started where queue.next(after: nil, isShort: \.isShort) != nil { turns += 1 }
        #expect(turns == 3)
        let isStarted = startsThread(queue.add(Work(owner: 2, number: 0), of: 2, maximumThreads: 3))
        #expect(isStarted)
        let next = queue.next(after: nil, isShort: \.isShort)
        #expect(next?.owner == 2)
    }

    /// Some at once, in order, up to one that takes long, and not so many that other threads have nothing to do.
    @Test func shortWorkSharesATurn() {
        var queue = Queue(maximumThreads: 2)
        for number in 0..<40 {
            _ = queue.add(Work(owner: 1, number: number, isShort: number != 10), of: 1, maximumThreads: 2)
        }
        var numbers: [[Int]] = []
        var last: UInt64?
        while let turn = queue.next(after: last, isShort: \.isShort) {
            numbers.append(turn.works.map(\.number))
            last = turn.owner
        }
        #expect(numbers.flatMap { $0 } == Array(0..<40))
        #expect(numbers.map(\.count).max() == Queue.mostInTurn)
        #expect(numbers.contains([10]))
        #expect(numbers.last == [39])
    }

    @Test func refusesOnceItIsClosed() {
        var queue = Queue(maximumThreads: 1)
        for number in 0..<3 { _ = queue.add(Work(owner: 1, number: number), of: 1, maximumThreads: 1) }
        let turn = queue.next(after: nil, isShort: \.isShort)
        #expect(turn?.works.count == 1)
        let rest = queue.close().map(\.number)
        #expect(rest == [1, 2])
        guard case .refused(Work(owner: 1, number: 3)) = queue.add(Work(owner: 1, number: 3), of: 1, maximumThreads: 1)
        else {
            Issue.record("it took work after its end")
            return
        }
        let isOver = queue.next(after: 1, isShort: \.isShort) == nil
        #expect(isOver)
        #expect(queue.threads == 0)
    }

    /// Whatever happens: everything is done once and in its owner's order, no thread rests while there is work for it,
    /// and no owner has more threads than it may.
    @Test(arguments: 0..<200 as Range<UInt64>) func anyOrderOfEvents(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var queue = Queue(maximumThreads: 3)
        var added: [UInt64: Int] = [:]
        var done: [UInt64: Int] = [:]
        // What each thread does; nil: it is about to ask.
        var threads: [UInt64?] = []
        func ask(_ index: Int) {
            guard let turn = queue.next(after: threads[index], isShort: \.isShort) else {
                threads.remove(at: index)
                return
            }
            for work in turn.works {
                #expect(work.owner == turn.owner && work.number == done[turn.owner, default: 0])
                done[turn.owner, default: 0] += 1
            }
            threads[index] = turn.owner
        }
        for _ in 0..<300 {
            if generator.next() % 2 == 0 || threads.isEmpty {
                let owner = generator.next() % 3
                let work = Work(owner: owner, number: added[owner, default: 0], isShort: generator.next() % 4 != 0)
                added[owner, default: 0] += 1
                if startsThread(queue.add(work, of: owner, maximumThreads: 2)) { threads.append(nil) }
            } else {
                ask(Int(generator.next() % UInt64(threads.count)))
            }
            #expect(threads.count == queue.threads && threads.count <= 3)
            for owner in 0..<3 as Range<UInt64> {
                let working = threads.count { $0 == owner }
                #expect(working <= 2)
                let hasWork = added[owner, default: 0] > done[owner, default: 0]
                #expect(!hasWork || working == 2 || threads.count == 3 || threads.contains(nil))
            }
        }
        while !threads.isEmpty { ask(0) }
        #expect(added == done)
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
