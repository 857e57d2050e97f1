/// Things that are drawn in proportion to their weights. A value; the generator is the caller's.
struct Weighted<Element> {
    private let elements: [Element]
    private let sums: [Double]

    /// `weights` are not negative, and one is positive.
    init(_ weights: [(Element, Double)]) {
        elements = weights.map(\.0)
        var sum = 0.0
        sums = weights.map {
            sum += $0.1
            return sum
        }
    }

    /// `draw` is 0 up to 1.
    func element(at draw: Double) -> Element {
        let share = draw * (sums.last ?? 0)
        return elements[sums.firstIndex { $0 > share } ?? elements.count - 1]
    }

    func next(using generator: inout SeededGenerator) -> Element {
        element(at: Double.random(in: 0..<1, using: &generator))
    }
}
