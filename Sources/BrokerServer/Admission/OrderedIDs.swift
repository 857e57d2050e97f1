internal import DequeModule

/// Numbers in ascending order, that come about so and go in any.
struct OrderedIDs: Sendable {
    private var ids: Deque<UInt64> = []

    var count: Int { ids.count }
    var isEmpty: Bool { ids.isEmpty }
    var first: UInt64? { ids.first }

    /// One that is not in it.
    mutating func insert(_ id: UInt64) {
        guard let last = ids.last, last > id else { return ids.append(id) }
        ids.insert(id, at: index(of: id))
    }

    mutating func remove(_ id: UInt64) {
        let index = index(of: id)
        guard index < ids.count, ids[index] == id else { return }
        ids.remove(at: index)
    }

    /// Of the first that is not less.
    private func index(of id: UInt64) -> Int {
        var range = 0..<ids.count
        while let first = range.first {
            let middle = first + range.count / 2
            if ids[middle] < id {
                range = middle + 1..<range.upperBound
            } else {
                range = first..<middle
            }
        }
        return range.lowerBound
    }
}
