/// Catches commands that are most likely a mistake before they run: the recursive removal of a root, a home or the
/// whole workspace, writing onto a device, a download that goes straight into a shell, a fork bomb and the like.
///
/// A courtesy, not a boundary. It reads the text of a command and cannot know what a program does, what a variable
/// holds or what a script file says; whoever wants to get past it does so with ease. What a command can reach at all is
/// the matter of the isolation that it runs under.
///
/// The text is read as a shell reads it: quoted arguments, comments and the bodies of here-documents are not commands;
/// `sh -c '…'`, `eval`, `$(…)`, `sudo`, `xargs` and their like are looked into. A word whose value shows only when it
/// runs is taken to be harmless. Takes time in proportion to the length of the command, of which only the first
/// ``maximumLength`` bytes are looked at, with the programs in its words counted too. A value; safe to share.
public struct CommandSafety: Sendable {
    /// Bytes.
    public static let maximumLength = 128 << 10

    /// A pattern of your own for what is not to run.
    public struct DenyPattern: Sendable, Hashable {
        /// What ``DangerousCommand/rule`` says.
        public var name: String
        /// What such a command does, as a phrase: "publishes the package".
        public var reason: String
        /// Looked for in the text of the command as it was given; of arguments, with spaces between them.
        public var pattern: RegularExpression

        public init(name: String, reason: String, pattern: RegularExpression) {
            self.name = name
            self.reason = reason
            self.pattern = pattern
        }
    }

    /// What a handler says to a dangerous command.
    public enum Decision: Sendable, Hashable {
        case allow
        /// It does not run: `DANGEROUS_OPERATION`.
        case refuse
    }

    /// Called on the thread of ``check(_:in:)``, once for each rule that a command meets, until it refuses.
    public typealias Handler = @Sendable (DangerousCommand) -> Decision

    /// False: nothing is checked at all.
    public var preventsDangerous: Bool
    /// A command with a match of one of these in its text runs, whatever else is in it. Anchor a pattern with `^` and
    /// `$` for it to mean the whole command.
    public var allowPatterns: [RegularExpression]
    public var denyPatterns: [DenyPattern]
    /// Decides in place of the error. Nil: what is dangerous is refused.
    public var handler: Handler?

    public init(
        preventsDangerous: Bool = true,
        allowPatterns: [RegularExpression] = [],
        denyPatterns: [DenyPattern] = [],
        handler: Handler? = nil
    ) {
        self.preventsDangerous = preventsDangerous
        self.allowPatterns = allowPatterns
        self.denyPatterns = denyPatterns
        self.handler = handler
    }

    /// Returns for a command that may run. Throws `DANGEROUS_OPERATION` for one that is dangerous and that neither an
    /// allow pattern nor the handler lets through.
    public func check(
        _ program: ExecRequest.Program,
        in workingDirectory: WorkspacePath = .root
    ) throws(BackendError) {
        for command in dangers(of: program, in: workingDirectory) where handler?(command) != .allow {
            throw BackendError(
                .dangerousOperation,
                message: "refused, because it \(command.reason): \(command.text); say more exactly what is meant, "
                    + "or have the command allowed",
                operation: "exec"
            )
        }
    }

    /// What the handler is asked about: a rule at most once. Empty for a command that is allowed.
    func dangers(of program: ExecRequest.Program, in workingDirectory: WorkspacePath) -> [DangerousCommand] {
        guard preventsDangerous else { return [] }
        let text = program.line
        let own = denyPatterns.filter { $0.pattern.matches(text) }
        let known = CommandInspection.findings(in: program, directory: TargetPath(workingDirectory))
        guard !(own.isEmpty && known.isEmpty), !allowPatterns.contains(where: { $0.matches(text) }) else { return [] }
        return own.map { DangerousCommand(rule: $0.name, reason: $0.reason, program: program) }
            + known.map { DangerousCommand(rule: $0.name, reason: $0.reason, program: program) }
    }
}
