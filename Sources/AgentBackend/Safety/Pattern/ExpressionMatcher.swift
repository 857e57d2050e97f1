/// Runs the steps of a pattern over a text, all possibilities at once: after each byte it is in a set of steps, each
/// with the earliest place at which a match that has come this far began.
struct ExpressionMatcher {
    private let program: [RegularExpression.Instruction]
    /// Steps that wait for a byte, and where each began; ordered by that.
    private var current: [(step: Int, start: Int)] = []
    /// At which position of the text a step was reached last.
    private var reached: [Int]
    private var stack: [Int] = []

    init(_ program: [RegularExpression.Instruction]) {
        self.program = program
        reached = Array(repeating: -1, count: program.count)
    }

    /// Calls `found` for each end of a match, with the earliest beginning of one that ends there, in order of the ends;
    /// `false` ends the search. Returns where the earliest match begins that a longer text might complete.
    @discardableResult
    consuming func run(over text: [UInt8], found: (_ start: Int, _ end: Int) -> Bool) -> Int? {
        for position in 0...text.count {
            var match = position > 0 ? take(text, to: position) : nil
            let unfinished = current.first?.start
            if follow(0, from: position, at: position, text), match == nil { match = position }
            if let match, !found(match, position) { return nil }
            if position == text.count { return unfinished }
        }
        return nil
    }

    /// Takes the byte before `position`. Returns the earliest beginning of a match that ends there.
    private mutating func take(_ text: [UInt8], to position: Int) -> Int? {
        let byte = text[position - 1]
        let waiting = current
        current.removeAll(keepingCapacity: true)
        var match: Int?
        for (step, start) in waiting {
            guard case .take(let set) = program[step], set.contains(byte) else { continue }
            if follow(step + 1, from: start, at: position, text), match == nil { match = start }
        }
        return match
    }

    /// Adds a step and those that are reached from it without a byte. Returns whether a match is among them that none
    /// before has reached.
    private mutating func follow(_ step: Int, from start: Int, at position: Int, _ text: [UInt8]) -> Bool {
        var isMatch = false
        stack.append(step)
        while let step = stack.popLast() {
            guard reached[step] != position else { continue }
            reached[step] = position
            switch program[step] {
            case .take: current.append((step, start))
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .jump(let target): stack.append(target)
            case .assert(let assertion):
                if Self.holds(assertion, at: position, text) { stack.append(step + 1) }
            case .match: isMatch = true
            }
        }
        return isMatch
    }

    private static func holds(_ assertion: RegularExpression.Assertion, at position: Int, _ text: [UInt8]) -> Bool {
        let isAfterWord = position > 0 && ByteSet.wordCharacters.contains(text[position - 1])
        let isBeforeWord = position < text.count && ByteSet.wordCharacters.contains(text[position])
        return switch assertion {
        case .beginning: position == 0
        case .end: position == text.count
        case .wordBoundary: isAfterWord != isBeforeWord
        case .noWordBoundary: isAfterWord == isBeforeWord
        }
    }
}
