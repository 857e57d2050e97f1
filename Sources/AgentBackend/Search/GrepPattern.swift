/// What lines are searched for. A value; safe to share.
public struct GrepPattern: Sendable, Hashable {
    /// Longest pattern, in bytes.
    public static let maximumLength = RegularExpression.maximumLength

    /// As it was given.
    public let bytes: [UInt8]
    /// Its syntax is that of pcre2pattern(3). False: the bytes themselves.
    public let isRegularExpression: Bool
    /// As Unicode has it.
    public let ignoresCase: Bool
    /// Nil: the bytes are searched for as they are.
    let expression: RegularExpression?

    /// Throws `INVALID_ARGUMENT` for what is empty, too long, no pattern, or cannot be in a line.
    public init(
        _ bytes: [UInt8],
        isRegularExpression: Bool = false,
        ignoresCase: Bool = false
    ) throws(BackendError) {
        guard !bytes.isEmpty else { throw Self.refusal("is empty: say what to search for") }
        guard bytes.count <= Self.maximumLength else {
            throw Self.refusal("is \(bytes.count) bytes long: at most \(Self.maximumLength) work", .tooLarge)
        }
        guard isRegularExpression || !bytes.contains(UInt8(ascii: "\n")) else {
            throw Self.refusal("holds the end of a line: search for what is in one line")
        }
        self.bytes = bytes
        self.isRegularExpression = isRegularExpression
        self.ignoresCase = ignoresCase
        guard isRegularExpression || ignoresCase else {
            expression = nil
            return
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Self.refusal("is no UTF-8 text: bytes can be searched for as they are, with regard to case", .notText)
        }
        expression = try RegularExpression(
            text,
            isLiteral: !isRegularExpression,
            ignoresCase: ignoresCase
        )
    }

    public init(
        _ text: String,
        isRegularExpression: Bool = false,
        ignoresCase: Bool = false
    ) throws(BackendError) {
        try self.init(Array(text.utf8), isRegularExpression: isRegularExpression, ignoresCase: ignoresCase)
    }

    private static func refusal(_ what: String, _ reason: BackendError.Reason? = nil) -> BackendError {
        BackendError(.invalidArgument, reason: reason, message: "the pattern \(what)")
    }
}
