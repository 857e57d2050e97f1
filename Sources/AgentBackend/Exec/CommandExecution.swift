public import NIOCore

/// A command to run in a backend's root.
public struct ExecRequest: Sendable {
    public enum Program: Sendable, Hashable {
        /// For the shell: bash, else sh.
        case shellLine([UInt8])
        /// Run as it is, without a shell.
        case arguments([[UInt8]])

        /// For logs and messages: the line, or the arguments with spaces between them.
        package var line: [UInt8] {
            switch self {
            case .shellLine(let line): line
            case .arguments(let arguments): Array(arguments.joined(separator: [UInt8(ascii: " ")]))
            }
        }
    }

    public var program: Program
    /// Over the backend's own.
    public var environment: Environment
    public var workingDirectory: WorkspacePath
    /// After this long the whole process tree is ended. Nil: the backend's limit.
    public var timeout: Duration?
    /// False: the command finds its standard input at the end.
    public var opensStandardInput: Bool
    /// Not nil: its streams are this terminal; what it writes comes as standard output. Needs ``opensStandardInput`` to
    /// be typed at.
    public var terminal: Terminal?
    /// Below the backend's own.
    public var limits: ExecLimits
    public var network: CommandNetwork

    public init(
        _ program: Program,
        environment: Environment = Environment(),
        workingDirectory: WorkspacePath = .root,
        timeout: Duration? = nil,
        opensStandardInput: Bool = false,
        terminal: Terminal? = nil,
        limits: ExecLimits = ExecLimits(),
        network: CommandNetwork = .none
    ) {
        self.program = program
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.timeout = timeout
        self.opensStandardInput = opensStandardInput
        self.terminal = terminal
        self.limits = limits
        self.network = network
    }
}

/// The streams that a command writes. The raw values are those of `OutputStream` in `exec.proto`.
public enum CommandStream: UInt32, Sendable, CaseIterable {
    case standardOutput = 1
    case standardError = 2
}

/// A command that was started. Whoever started it reads both streams to their end, or ends it.
public protocol CommandExecution: Sendable {
    /// How it is isolated: "none", "software", "landlock" or "bwrap".
    var isolation: String { get }

    /// Waits for output and returns at most `count` bytes of it. Nil: nothing of the tree is left to write, and
    /// all that it wrote was returned. Output that nobody reads stays in the pipe, and the command waits. Throws
    /// `EXEC_ERROR` in place of nil for a program that could not be run.
    func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer?

    /// Waits until the command took all of it. Bytes for a command that closed its input are dropped.
    func writeInput(_ bytes: ByteBuffer) async throws(BackendError)

    /// Standard input is at its end. Idempotent.
    func closeInput()

    /// Sends a signal to every process of the command. Of one that has ended: nothing happens. Throws
    /// `INVALID_ARGUMENT` for a number that is no signal, and `NOT_IMPLEMENTED` where a backend cannot.
    func signal(_ number: Int32) async throws(BackendError)

    /// Changes the size of the command's terminal; its programs are told. Of a command that has ended: nothing happens.
    /// Throws `INVALID_ARGUMENT` for a command without one, or a size of 0, and `NOT_IMPLEMENTED` where a backend
    /// cannot.
    func resizeTerminal(to size: TerminalSize) async throws(BackendError)

    /// Ends the whole tree: SIGTERM, a grace, SIGKILL. Returns at once; idempotent.
    func terminate()

    /// Waits until no process of the tree is left.
    func waitForEnd() async -> ExecEnd
}

extension CommandExecution {
    public func signal(_ number: Int32) async throws(BackendError) {
        throw BackendError(.notImplemented, message: "commands of this backend get no signals: end it instead")
    }

    public func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        throw BackendError(.notImplemented, message: "commands of this backend have no terminals")
    }
}
