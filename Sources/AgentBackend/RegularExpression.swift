internal import CPCRE2

/// A regular expression over bytes, ASCII or UTF-8; its syntax is that of pcre2pattern(3).
///
/// Matching is bounded, since pattern and text may come from somebody else: a pair of them that takes too many steps
/// counts as no match. A value; safe to share between threads.
public struct RegularExpression: Sendable {
    /// Longest pattern, in bytes.
    public static let maximumLength = 4096
    /// Steps that one match may take; pcre2_set_match_limit(3).
    public static let maximumSteps: UInt32 = 100_000

    /// As it was given.
    public let pattern: String
    private let code: CompiledPattern

    /// Throws `INVALID_ARGUMENT`, with the place, for what is no pattern, or a longer one than ``maximumLength``.
    public init(_ pattern: String) throws(BackendError) {
        self.pattern = pattern
        code = try CompiledPattern(pattern)
    }

    /// One that is matched very often.
    ///
    /// - Parameter isLiteral: The characters themselves are what is matched.
    init(_ pattern: String, isLiteral: Bool, ignoresCase: Bool) throws(BackendError) {
        self.pattern = pattern
        let options = (isLiteral ? UInt32(PCRE2_LITERAL) : 0) | (ignoresCase ? UInt32(PCRE2_CASELESS) : 0)
        code = try CompiledPattern(pattern, options: options, asMachineCode: true)
    }

    /// For many matches by one thread.
    ///
    /// - Parameter maximumSteps: Steps that one match may take.
    func matching(maximumSteps: UInt32) -> RegularExpressionMatching {
        RegularExpressionMatching(code, maximumSteps: maximumSteps)
    }

    /// Whether it matches somewhere in the text.
    public func matches(_ text: [UInt8]) -> Bool {
        if case .match = code.firstMatch(in: text, from: 0, isCut: false) { true } else { false }
    }

    /// Whether it matches somewhere in the text.
    public func matches(_ text: String) -> Bool {
        matches(Array(text.utf8))
    }

    /// Where it matches, in order, without empty matches. Of a text that was cut, also what at its end may be the
    /// beginning of a match. All of the text where it takes too many steps to tell.
    package func spans(in text: [UInt8], isCut: Bool = false) -> [Range<Int>] {
        var spans: [Range<Int>] = []
        var position = 0
        while position < text.count {
            switch code.firstMatch(in: text, from: position, isCut: isCut) {
            case .match(let span):
                if !span.isEmpty { spans.append(span) }
                position = max(span.upperBound, position + 1)
            case .partial(let start):
                spans.append(start..<text.count)
                return spans
            case .none:
                return spans
            case .tooManySteps:
                return [0..<text.count]
            }
        }
        return spans
    }
}

extension RegularExpression: Hashable {
    public static func == (left: RegularExpression, right: RegularExpression) -> Bool { left.pattern == right.pattern }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(pattern)
    }
}

extension RegularExpression: CustomStringConvertible {
    public var description: String { pattern }
}

/// Owns what PCRE2 made of a pattern.
///
/// `@unchecked Sendable`: it is not changed once it is made, which is what pcre2api(3), "Multithreading", asks for; what a
/// match changes is made for that match.
private final class CompiledPattern: @unchecked Sendable {
    enum Match {
        case match(Range<Int>)
        /// The text ends within what may be a match.
        case partial(start: Int)
        case none
        case tooManySteps
    }

    fileprivate let code: OpaquePointer

    init(
        _ pattern: String,
        options: UInt32 = 0,
        asMachineCode: Bool = false
    ) throws(BackendError) {
        let bytes = Array(pattern.utf8)
        guard bytes.count <= RegularExpression.maximumLength else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "a pattern is \(bytes.count) bytes long: at most \(RegularExpression.maximumLength) work"
            )
        }
        var fault: Int32 = 0
        var offset = 0
        // Texts are what programs wrote: they need not be UTF-8.
        // PCRE2 takes no NEVER_BACKSLASH_C for what is a literal, which holds none.
        let isLiteral = options & UInt32(PCRE2_LITERAL) != 0
        let options =
            options | UInt32(PCRE2_UTF) | UInt32(PCRE2_MATCH_INVALID_UTF)
            | (isLiteral ? 0 : UInt32(PCRE2_NEVER_BACKSLASH_C))
        guard let code = pcre2_compile_8(bytes, bytes.count, options, &fault, &offset, nil) else {
            throw BackendError(
                .invalidArgument,
                message: "the pattern \(WorkspacePath.printable(bytes)) is not understood at byte \(offset): "
                    + Self.explanation(of: fault)
            )
        }
        self.code = code
        // Where that cannot be, it is interpreted as others are.
        if asMachineCode { pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE)) }
    }

    deinit {
        pcre2_code_free_8(code)
    }

    func firstMatch(in text: [UInt8], from start: Int, isCut: Bool) -> Match {
        let data = pcre2_match_data_create_from_pattern_8(code, nil)
        let context = pcre2_match_context_create_8(nil)
        defer {
            pcre2_match_context_free_8(context)
            pcre2_match_data_free_8(data)
        }
        pcre2_set_match_limit_8(context, RegularExpression.maximumSteps)
        let options = isCut ? UInt32(PCRE2_PARTIAL_SOFT) : 0
        let result = pcre2_match_8(code, text, text.count, start, options, data, context)
        guard let offsets = pcre2_get_ovector_pointer_8(data) else { return .none }
        switch result {
        // `\K` can put the beginning behind the end.
        case 0...: return .match(min(offsets[0], offsets[1])..<offsets[1])
        case PCRE2_ERROR_PARTIAL: return .partial(start: offsets[0])
        case PCRE2_ERROR_NOMATCH: return .none
        default: return .tooManySteps
        }
    }

    private static func explanation(of fault: Int32) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = max(0, Int(pcre2_get_error_message_8(fault, buffer.baseAddress, buffer.count)))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What one match after the other is made with: not to be used by two threads at a time.
final class RegularExpressionMatching {
    private let pattern: CompiledPattern
    private let data: OpaquePointer?
    private let context: OpaquePointer?

    fileprivate init(_ pattern: CompiledPattern, maximumSteps: UInt32) {
        self.pattern = pattern
        // Whether it matches is all that is asked.
        data = pcre2_match_data_create_8(1, nil)
        context = pcre2_match_context_create_8(nil)
        pcre2_set_match_limit_8(context, maximumSteps)
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
    }

    /// Whether the pattern matches somewhere in the text. Nil: it takes too many steps to tell.
    func match(in text: UnsafeRawBufferPointer) -> Bool? {
        let start = text.baseAddress?.assumingMemoryBound(to: UInt8.self)
        switch pcre2_match_8(pattern.code, start, text.count, 0, 0, data, context) {
        case 0...: return true
        case PCRE2_ERROR_NOMATCH: return false
        default: return nil
        }
    }
}
