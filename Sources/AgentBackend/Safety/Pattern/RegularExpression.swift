/// A regular expression that takes time in proportion to the text, whatever the expression and whatever the text.
///
/// For patterns that somebody else may have written, over text that somebody else may have written: it never goes
/// back in the text, so that no pair of them can keep a thread busy. Matched over bytes, ASCII or UTF-8. A value; safe
/// to share.
///
/// Known are: characters that stand for themselves; `.` for any one but a line feed; `[a-z]`, `[^…]` of ASCII
/// characters; `\d \w \s \D \W \S`; `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`; `(…)`, `(?:…)`, `|`; `^` and `$` for the
/// beginning and the end of the text, `\b` and `\B`; `\n`, `\t`, `\r`, `\xNN`; a backslash before punctuation; and
/// `(?i)` in front, for ASCII letters of either case. Unknown are back-references, look-around and lazy repetition.
public struct RegularExpression: Sendable, Hashable {
    /// Longest pattern, in bytes.
    public static let maximumLength = 1024
    /// Steps that a pattern may have, repetitions written out. What matching costs for a byte of text at the most.
    public static let maximumSteps = 256

    /// As it was given.
    public let pattern: String
    let program: [Instruction]

    /// Throws `INVALID_ARGUMENT`, with the place, for what is no pattern, is too large or needs what is not known here.
    public init(_ pattern: String) throws(BackendError) {
        self.pattern = pattern
        let bytes = Array(pattern.utf8)
        guard bytes.count <= Self.maximumLength else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "a pattern is \(bytes.count) bytes long: at most \(Self.maximumLength) work"
            )
        }
        do throws(ExpressionFault) {
            var parser = ExpressionParser(bytes)
            var compiler = ExpressionCompiler(maximumSteps: Self.maximumSteps)
            program = try compiler.compile(try parser.parse())
        } catch {
            throw BackendError(
                .invalidArgument,
                message: "the pattern \(WorkspacePath.printable(bytes)) is not understood at byte \(error.offset): "
                    + error.message
            )
        }
    }

    /// Whether it matches somewhere in the text.
    public func matches(_ text: [UInt8]) -> Bool {
        var isMatch = false
        ExpressionMatcher(program).run(over: text) { _, _ in
            isMatch = true
            return false
        }
        return isMatch
    }

    /// Whether it matches somewhere in the text.
    public func matches(_ text: String) -> Bool {
        matches(Array(text.utf8))
    }

    /// The bytes that are part of a match, in order; matches that overlap or touch are one range. Of a text that was cut, also those
    /// at its end that may be the beginning of one.
    package func spans(in text: [UInt8], isCut: Bool = false) -> [Range<Int>] {
        var spans = SpanList()
        let unfinished = ExpressionMatcher(program).run(over: text) { start, end in
            spans.add(start..<end)
            return true
        }
        if isCut, let unfinished { spans.add(unfinished..<text.count) }
        return spans.ranges
    }

    enum Instruction: Sendable, Hashable {
        /// Takes one byte of the set.
        case take(ByteSet)
        /// Goes on at both.
        case split(Int, Int)
        case jump(Int)
        case assert(Assertion)
        case match
    }

    enum Assertion: Sendable, Hashable {
        case beginning
        case end
        case wordBoundary
        case noWordBoundary
    }
}

/// What is wrong with a pattern, and where.
struct ExpressionFault: Error {
    let offset: Int
    let message: String
}

extension RegularExpression: CustomStringConvertible {
    public var description: String { pattern }
}
