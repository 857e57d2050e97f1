/// Timers by deadline. Setting one and taking one back take time logarithmic in their number.
package struct TimerHeap<Owner> {
    /// Valid until the timer is taken back or popped.
    package struct ID: Equatable {
        fileprivate let index: Int
    }

    private struct Timer {
        var deadline: Duration
        var owner: Owner
        var position: Int
    }

    private var timers: [Timer?] = []
    private var vacant: [Int] = []
    /// Indexes into `timers`: a binary heap, the earliest first.
    private var heap: [Int] = []

    package init() {}

    package var count: Int { heap.count }

    package var earliest: Duration? { heap.first.map { deadline(of: $0) } }

    package mutating func insert(_ owner: Owner, at deadline: Duration) -> ID {
        let timer = Timer(deadline: deadline, owner: owner, position: heap.count)
        let index: Int
        if let reused = vacant.popLast() {
            index = reused
            timers[index] = timer
        } else {
            index = timers.count
            timers.append(timer)
        }
        heap.append(index)
        siftUp(heap.count - 1)
        return ID(index: index)
    }

    package mutating func remove(_ id: ID) {
        guard let timer = timers[id.index] else { return }
        timers[id.index] = nil
        vacant.append(id.index)
        let last = heap.removeLast()
        guard timer.position < heap.count else { return }
        place(last, at: timer.position)
        siftDown(timer.position)
        siftUp(timer.position)
    }

    /// Takes the earliest timer whose deadline is not after `now`.
    package mutating func popDue(at now: Duration) -> Owner? {
        guard let first = heap.first, let timer = timers[first], timer.deadline <= now else { return nil }
        remove(ID(index: first))
        return timer.owner
    }

    package func deadline(of id: ID) -> Duration { deadline(of: id.index) }

    private func deadline(of index: Int) -> Duration { timers[index]?.deadline ?? .zero }

    private mutating func place(_ index: Int, at position: Int) {
        heap[position] = index
        timers[index]?.position = position
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        let index = heap[position]
        let deadline = deadline(of: index)
        while position > 0 {
            let parent = (position - 1) / 2
            guard deadline < self.deadline(of: heap[parent]) else { break }
            place(heap[parent], at: position)
            position = parent
        }
        place(index, at: position)
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        let index = heap[position]
        let deadline = deadline(of: index)
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, self.deadline(of: heap[child + 1]) < self.deadline(of: heap[child]) {
                child += 1
            }
            guard self.deadline(of: heap[child]) < deadline else { break }
            place(heap[child], at: position)
            position = child
        }
        place(index, at: position)
    }
}
