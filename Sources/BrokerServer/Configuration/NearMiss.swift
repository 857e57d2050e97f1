/// Finds what a person meant who mistyped a name.
enum NearMiss {
    /// `: did you mean "listen"?`, or nothing where no candidate is near.
    static func hint(for text: String, among candidates: [String]) -> String {
        guard let meant = best(for: text, among: candidates) else { return "" }
        return ": did you mean \"\(meant)\"?"
    }

    /// The candidate that differs in case and separators only, else the one that at most a third of its letters,
    /// and never more than three, separate from the text.
    static func best(for text: String, among candidates: [String]) -> String? {
        // The distance takes the product of the lengths: nothing that long is a mistyped name.
        guard text.utf8.count <= 64 else { return nil }
        let plain = letters(of: text)
        let ranked = candidates.map { candidate in
            let other = letters(of: candidate)
            return (candidate, distance(plain, other), limit: min(3, other.count / 3))
        }
        return ranked.filter { $0.1 <= $0.limit }.min { $0.1 < $1.1 }?.0
    }

    private static func letters(of text: String) -> [Character] {
        text.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    /// Letters to insert, delete or replace, where two that changed places count as one.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = previous[column] + (letter == other ? 0 : 1)
                var best = min(previous[column + 1] + 1, current[column] + 1, replaced)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, beforePrevious[column - 1] + 1)
                }
                current.append(best)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
