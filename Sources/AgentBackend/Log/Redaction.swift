/// What is not to be read in a log: secrets that are known, and whatever matches a pattern.
///
/// Takes time in proportion to the length of a record, whatever the patterns and the secrets. A value; safe to share.
public struct Redaction: Sendable {
    /// Stands where something was.
    public static let replacement = "***"
    public static let maximumPatterns = 16
    /// Bytes of all secrets together.
    public static let maximumSecretBytes = 32 << 10
    /// Bytes of the shortest secret that is looked for. A shorter one would be found everywhere, and its places would
    /// tell it.
    public static let minimumSecretLength = 4

    private let patterns: [RegularExpression]
    private let secrets: LiteralMatcher

    /// Throws `INVALID_ARGUMENT` for more patterns or secrets than ``maximumPatterns`` and ``maximumSecretBytes`` allow.
    public init(patterns: [RegularExpression] = [], secrets: [[UInt8]] = []) throws(BackendError) {
        let secrets = secrets.filter { $0.count >= Self.minimumSecretLength }
        let secretBytes = secrets.reduce(0) { $0 + $1.count }
        guard patterns.count <= Self.maximumPatterns, secretBytes <= Self.maximumSecretBytes else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "there are \(patterns.count) patterns and \(secretBytes) bytes of secrets to redact: at most "
                    + "\(Self.maximumPatterns) and \(Self.maximumSecretBytes) work"
            )
        }
        self.patterns = patterns
        self.secrets = LiteralMatcher(secrets.flatMap(Self.spellings))
    }

    /// The values of these variables are secrets, all of them or those with the names. Throws as
    /// ``init(patterns:secrets:)``.
    public init(
        patterns: [RegularExpression] = [],
        valuesOf environment: Environment,
        named names: Set<String>? = nil
    ) throws(BackendError) {
        let variables = environment.variables.filter { variable in
            names.map { $0.contains(String(decoding: variable.name, as: UTF8.self)) } ?? true
        }
        try self.init(patterns: patterns, secrets: variables.map(\.value))
    }

    /// The record with `***` in its subject and the excerpts of its output, where something is not to be read. The
    /// subject is cut to what loggers keep; what stands at the end of a text that was cut, and may be the beginning of
    /// a secret, is taken for one.
    public func redact(_ record: OperationRecord) -> OperationRecord {
        var (record, isSubjectCut) = record.withBoundedSubject()
        let isOutputCut = record.isOutputCut
        if let subject = redacted(Array(record.subject.utf8), isCut: isSubjectCut) {
            record.subject = String(decoding: subject, as: UTF8.self)
        }
        record.standardOutput = redacted(record.standardOutput, isCut: isOutputCut) ?? record.standardOutput
        record.standardError = redacted(record.standardError, isCut: isOutputCut) ?? record.standardError
        return record
    }

    /// Nil: there is nothing to hide.
    private func redacted(_ text: [UInt8], isCut: Bool) -> [UInt8]? {
        guard !text.isEmpty else { return nil }
        var found = secrets.spans(in: text, isCut: isCut)
        for pattern in patterns { found += pattern.spans(in: text, isCut: isCut) }
        guard !found.isEmpty else { return nil }
        var spans = SpanList()
        for range in found.sorted(by: { $0.upperBound < $1.upperBound }) { spans.add(range) }

        var redacted: [UInt8] = []
        var end = 0
        for span in spans.ranges {
            redacted += text[end..<span.lowerBound]
            redacted += Self.replacement.utf8
            end = span.upperBound
        }
        return redacted + text[end...]
    }

    /// As it is, and as it is printed: alone, or within a text that has all but ASCII written out.
    private static func spellings(_ secret: [UInt8]) -> Set<[UInt8]> {
        let printed = secret.flatMap { byte in
            byte < 0x80 ? Array(WorkspacePath.printable([byte]).utf8) : Array("\\x\(String(byte, radix: 16))".utf8)
        }
        return [secret, Array(WorkspacePath.printable(secret).utf8), printed]
    }
}

/// Hides secrets in records before another logger sees them.
public struct RedactingOperationsLogger: OperationsLogger {
    private let redaction: Redaction
    private let logger: any OperationsLogger

    public init(_ redaction: Redaction, to logger: any OperationsLogger) {
        self.redaction = redaction
        self.logger = logger
    }

    public func record(_ record: OperationRecord) {
        logger.record(redaction.redact(record))
    }
}
