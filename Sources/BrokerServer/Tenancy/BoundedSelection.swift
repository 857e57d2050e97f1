/// Keeps the first so many of elements that come in no order, and takes memory for twice as many.
struct BoundedSelection<Element> {
    private let limit: Int
    private let precedes: (Element, Element) -> Bool
    private var kept: [Element] = []
    /// There were more.
    private(set) var isTruncated = false

    init(limit: Int, precedes: @escaping (Element, Element) -> Bool) {
        self.limit = max(0, limit)
        self.precedes = precedes
    }

    mutating func insert(_ element: Element) {
        kept.append(element)
        if kept.count > 2 * limit { cut() }
    }

    /// Those that were kept, in their order.
    mutating func sorted() -> [Element] {
        cut()
        return kept
    }

    private mutating func cut() {
        kept.sort(by: precedes)
        guard kept.count > limit else { return }
        isTruncated = true
        kept.removeLast(kept.count - limit)
    }
}
