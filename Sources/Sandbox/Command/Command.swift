package import AgentBackend

/// A command to run in a sandbox.
package struct Command: Sendable {
    package var program: ExecRequest.Program
    /// All of org, entry, scope and call, merged. The runner puts PATH, HOME, LANG, TERM, USER, SHELL and TMPDIR
    /// below it; PWD is always the working directory.
    package var environment: Environment
    /// The directory that the sandbox is of, open with O_PATH or more. Borrowed: it stays open until
    /// ``WarmSandbox/start(_:)`` returns. Nothing else of the host is bound, whatever happens to its path.
    package var workspace: Int32
    /// The directory that the command sees as /workspace: that one, or one beneath it; in the same way.
    package var scope: Int32
    /// Beneath /workspace: components joined by "/", without ".", ".." or empty ones; empty for /workspace itself.
    package var workingDirectory: [UInt8]
    /// False: it finds its standard input at the end.
    package var opensStandardInput: Bool
    /// Not nil: its streams are a terminal of this size. Input that is not opened is at its end there as well.
    package var terminal: TerminalSize?
    /// After this long the whole tree is ended. Nil, or more than the runner's limit: that limit.
    package var deadline: Duration?
    /// How long the tree has to end by itself after SIGTERM.
    package var grace: Duration
    /// Below those of its sandbox.
    package var limits: ExecLimits

    package init(
        _ program: ExecRequest.Program,
        environment: Environment = Environment(),
        workspace: Int32,
        scope: Int32? = nil,
        workingDirectory: [UInt8] = [],
        opensStandardInput: Bool = false,
        terminal: TerminalSize? = nil,
        deadline: Duration? = nil,
        grace: Duration = .seconds(2),
        limits: ExecLimits = ExecLimits()
    ) {
        self.program = program
        self.environment = environment
        self.workspace = workspace
        self.scope = scope ?? workspace
        self.workingDirectory = workingDirectory
        self.opensStandardInput = opensStandardInput
        self.terminal = terminal
        self.deadline = deadline
        self.grace = grace
        self.limits = limits
    }
}

/// Why a command's tree was ended before it ended by itself.
package enum TerminationCause: Sendable, Hashable {
    /// Its owner wanted it no more.
    case cancelled
    /// It ran for as long as it was allowed to.
    case deadline(Duration)
    /// It used more of the processors than it was allowed to.
    case processorTime(Duration)
    /// It wrote more than it was allowed to, in bytes.
    case output(UInt64)
    /// Its workspace holds more on the disk than it may, in bytes, or too many files.
    case diskQuota(UInt64)
    /// The backend that it ran for was destroyed.
    case backendDestroyed
    /// The runner was cancelled.
    case shuttingDown
}

/// How a command ended.
package struct CommandEnd: Sendable {
    package enum Outcome: Sendable {
        case exited(code: UInt8)
        /// A signal ended the program itself, and nobody had asked for its end.
        case signaled(Int32)
        /// A signal ended it for a file that is longer than it may be, in bytes.
        case fileSize(UInt64)
        /// The host killed it, or the sandbox with all that ran in it, for lack of memory.
        case outOfMemory
        /// The tree was ended, for the first cause that came.
        case terminated(TerminationCause)
        /// The program was never run, or its sandbox broke. The error is what who reads its output gets.
        case failed(SpawnFailure, BackendError)
    }

    package var outcome: Outcome
    package var usage: ExecEnd.Usage
    /// Processes that were there yet when the program ended, and were killed.
    package var lingeringProcesses: UInt32 = 0
    /// One could not be made, of it or of another command in the sandbox at that time.
    package var reachedProcessLimit = false
}
