/// A list whose links are kept in an ``IndexLinks``. Its order is that in which indexes were appended.
package struct IndexList {
    fileprivate var head: Int32 = -1
    fileprivate var tail: Int32 = -1
    package fileprivate(set) var count: Int32 = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }
    package var first: Int? { head < 0 ? nil : Int(head) }
}

/// The links of lists over small numbers: any number of lists, each number in at most one of them.
///
/// Appending and removing anywhere take constant time and allocate nothing once `grow(to:)` has made room.
/// Apart from what they link, because a step then touches 8 bytes per neighbour and not a whole record.
package struct IndexLinks {
    private struct Node {
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    private var nodes: [Node] = []

    package init() {}

    /// Makes room for the indexes below `count`.
    package mutating func grow(to count: Int) {
        while nodes.count < count {
            nodes.append(Node())
        }
    }

    package mutating func append(_ index: Int, to list: inout IndexList) {
        // A span checks once, and not at every step, that nobody else has the array.
        var nodes = nodes.mutableSpan
        nodes[index] = Node(previous: list.tail, next: -1)
        if list.tail >= 0 {
            nodes[Int(list.tail)].next = Int32(index)
        } else {
            list.head = Int32(index)
        }
        list.tail = Int32(index)
        list.count += 1
    }

    /// `index` must be in `list`.
    package mutating func remove(_ index: Int, from list: inout IndexList) {
        var nodes = nodes.mutableSpan
        let node = nodes[index]
        if node.previous >= 0 {
            nodes[Int(node.previous)].next = node.next
        } else {
            list.head = node.next
        }
        if node.next >= 0 {
            nodes[Int(node.next)].previous = node.previous
        } else {
            list.tail = node.previous
        }
        list.count -= 1
    }

    package mutating func popFirst(from list: inout IndexList) -> Int? {
        guard let first = list.first else { return nil }
        remove(first, from: &list)
        return first
    }

    func next(after index: Int) -> Int? {
        let next = nodes[index].next
        return next < 0 ? nil : Int(next)
    }
}
