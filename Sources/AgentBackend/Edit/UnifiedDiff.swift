/// What changes from one text to another, line by line, in the unified format of diff(1).
package struct UnifiedDiff {
    private let old: [ArraySlice<UInt8>]
    private let new: [ArraySlice<UInt8>]
    /// Lines that are not in both, in order; between them lines are the same.
    private var changes: [Change] = []

    private struct Change {
        var old: Range<Int>
        var new: Range<Int>
    }

    package init(from old: [UInt8], to new: [UInt8]) {
        self.old = Self.lines(old)
        self.new = Self.lines(new)
        var (start, oldEnd, newEnd) = (0, self.old.count, self.new.count)
        while start < min(oldEnd, newEnd), self.old[start] == self.new[start] { start += 1 }
        while oldEnd > start, newEnd > start, self.old[oldEnd - 1] == self.new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        compare(start..<oldEnd, start..<newEnd)
    }

    /// Nil: it would have more bytes than that. Empty where nothing changes.
    func text(of path: WorkspacePath, maximumBytes: Int) -> [UInt8]? {
        guard !changes.isEmpty else { return [] }
        var text = Array(
            "--- a/\(WorkspacePath.printable(path.bytes))\n+++ b/\(WorkspacePath.printable(path.bytes))\n".utf8
        )
        guard let hunks = hunkText(maximumBytes: maximumBytes - text.count) else { return nil }
        text += hunks
        return text
    }

    /// What follows the names of the files. Nil: it would have more bytes than that. Empty where nothing changes.
    package func hunkText(maximumBytes: Int) -> [UInt8]? {
        var text: [UInt8] = []
        for hunk in hunks() {
            append(hunk, to: &text)
            if text.count > maximumBytes { return nil }
        }
        return text
    }

    private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for (index, byte) in text.enumerated() where byte == newline {
            lines.append(text[start...index])
            start = index + 1
        }
        if start < text.count { lines.append(text[start...]) }
        return lines
    }

    /// Myers, "An O(ND) Difference Algorithm and Its Variations", up to a number of differences; what has more is one
    /// change.
    private mutating func compare(_ oldRange: Range<Int>, _ newRange: Range<Int>) {
        guard !oldRange.isEmpty || !newRange.isEmpty else { return }
        guard !oldRange.isEmpty, !newRange.isEmpty, let kept = commonLines(oldRange, newRange) else {
            changes.append(Change(old: oldRange, new: newRange))
            return
        }
        var (oldStart, newStart) = (oldRange.lowerBound, newRange.lowerBound)
        for (oldIndex, newIndex) in kept + [(oldRange.upperBound, newRange.upperBound)] {
            if oldStart < oldIndex || newStart < newIndex {
                changes.append(Change(old: oldStart..<oldIndex, new: newStart..<newIndex))
            }
            (oldStart, newStart) = (oldIndex + 1, newIndex + 1)
        }
    }

    /// Pairs of lines that stay, in order. Nil: too much is different.
    private func commonLines(_ oldRange: Range<Int>, _ newRange: Range<Int>) -> [(Int, Int)]? {
        let (oldCount, newCount) = (oldRange.count, newRange.count)
        let most = min(oldCount + newCount, Self.maximumDifferences)
        // Furthest place in the old lines on each diagonal, for each number of differences.
        var furthest = [Int](repeating: 0, count: 2 * most + 3)
        var history: [[Int]] = []
        for differences in 0...most {
            history.append(Array(furthest[(most + 1 - differences)...(most + 1 + differences)]))
            for diagonal in stride(from: -differences, through: differences, by: 2) {
                let center = most + 1 + diagonal
                let isDown =
                    diagonal == -differences || (diagonal != differences && furthest[center - 1] < furthest[center + 1])
                var x = isDown ? furthest[center + 1] : furthest[center - 1] + 1
                while x < oldCount, x - diagonal < newCount,
                    old[oldRange.lowerBound + x] == new[newRange.lowerBound + x - diagonal]
                { x += 1 }
                furthest[center] = x
                if x >= oldCount, x - diagonal >= newCount {
                    return Self.pairs(history, to: (oldCount, newCount)).map {
                        (oldRange.lowerBound + $0.0, newRange.lowerBound + $0.1)
                    }
                }
            }
        }
        return nil
    }

    /// Goes the way back: each of the states is that before a further difference.
    private static func pairs(_ history: [[Int]], to end: (Int, Int)) -> [(Int, Int)] {
        var pairs: [(Int, Int)] = []
        var (x, y) = end
        for differences in history.indices.reversed() {
            var (fromX, fromY) = (0, 0)
            if differences > 0 {
                let diagonal = x - y
                func furthest(_ diagonal: Int) -> Int { history[differences][diagonal + differences] }
                let isDown =
                    diagonal == -differences
                    || (diagonal != differences && furthest(diagonal - 1) < furthest(diagonal + 1))
                let previous = isDown ? diagonal + 1 : diagonal - 1
                (fromX, fromY) = (furthest(previous), furthest(previous) - previous)
            }
            while x > fromX, y > fromY {
                (x, y) = (x - 1, y - 1)
                pairs.append((x, y))
            }
            (x, y) = (fromX, fromY)
        }
        return pairs.reversed()
    }

    /// Changes that are near each other belong to one hunk.
    private func hunks() -> [[Change]] {
        changes.reduce(into: []) { hunks, change in
            if let last = hunks.last?.last, change.old.lowerBound - last.old.upperBound <= 2 * Self.context {
                hunks[hunks.count - 1].append(change)
            } else {
                hunks.append([change])
            }
        }
    }

    private func append(_ hunk: [Change], to text: inout [UInt8]) {
        guard let first = hunk.first, let last = hunk.last else { return }
        let before = min(Self.context, first.old.lowerBound)
        let after = min(Self.context, old.count - last.old.upperBound)
        let oldRange = (first.old.lowerBound - before)..<(last.old.upperBound + after)
        let newRange = (first.new.lowerBound - before)..<(last.new.upperBound + after)
        text += "@@ -\(Self.place(oldRange)) +\(Self.place(newRange)) @@\n".utf8
        var position = oldRange.lowerBound
        for change in hunk {
            for line in old[position..<change.old.lowerBound] { Self.append(line, " ", to: &text) }
            for line in old[change.old] { Self.append(line, "-", to: &text) }
            for line in new[change.new] { Self.append(line, "+", to: &text) }
            position = change.old.upperBound
        }
        for line in old[position..<oldRange.upperBound] { Self.append(line, " ", to: &text) }
    }

    private static func append(_ line: ArraySlice<UInt8>, _ mark: Unicode.Scalar, to text: inout [UInt8]) {
        text.append(UInt8(ascii: mark))
        text += line
        if line.last != newline { text += "\n\\ No newline at end of file\n".utf8 }
    }

    /// Lines from 1; of none, the one before.
    private static func place(_ range: Range<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound + 1)" : "\(range.lowerBound + (range.isEmpty ? 0 : 1)),\(range.count)"
    }

    private static let newline = UInt8(ascii: "\n")
    private static let context = 3
    private static let maximumDifferences = 500
}
