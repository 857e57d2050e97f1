/// A command that is likely to be a mistake, and why.
public struct DangerousCommand: Sendable, Hashable {
    /// The rule that it met: "remove-root", "run-download", … or the name of a pattern of your own.
    public let rule: String
    /// What it does, as a phrase: "removes …".
    public let reason: String
    /// All of the command.
    public let program: ExecRequest.Program

    /// The command as text for people, at most ``maximumTextLength`` bytes of it.
    public var text: String {
        let bytes = program.line
        guard bytes.count > Self.maximumTextLength else { return WorkspacePath.printable(bytes) }
        var end = Self.maximumTextLength
        while end > 0, ByteSet.continuations.contains(bytes[end]) { end -= 1 }
        return WorkspacePath.printable(bytes[..<end]) + "…"
    }

    /// Bytes.
    public static let maximumTextLength = 200
}
