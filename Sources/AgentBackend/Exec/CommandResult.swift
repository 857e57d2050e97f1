public import NIOCore

/// What a command wrote and how it ended.
public struct CommandResult: Sendable, Hashable {
    /// Where it wrote more than was asked for: its beginning and its end, with a note between them.
    public var standardOutput: ByteBuffer
    public var standardError: ByteBuffer
    /// Bytes that it wrote in all.
    public var standardOutputCount: UInt64
    public var standardErrorCount: UInt64
    /// How it was isolated: "none", "software", "landlock" or "bwrap".
    public var isolation: String
    public var end: ExecEnd

    package init(standardOutput: BoundedOutput, standardError: BoundedOutput, isolation: String, end: ExecEnd) {
        self.standardOutput = standardOutput.contents
        self.standardError = standardError.contents
        standardOutputCount = standardOutput.count
        standardErrorCount = standardError.count
        self.isolation = isolation
        self.end = end
    }

    /// It exited with code 0.
    public var isSuccess: Bool { end.outcome == .exited(code: 0) }

    /// As a shell reports it: 128 + n for a program that signal n ended. Nil: it did not end by itself.
    public var exitCode: UInt32? { end.outcome.exitCode }

    /// Throws `EXEC_FAILED` for a command that did not succeed: with the exit code and the last thing that it said in
    /// the message, and all that is known of it in the cause, a ``CommandFailure``.
    public func requireSuccess() throws(BackendError) {
        guard !isSuccess else { return }
        throw CommandFailure(result: self).error
    }
}

/// The cause of an `EXEC_FAILED` error: everything that is known of the command.
public struct CommandFailure: Error, CustomStringConvertible {
    public var result: CommandResult

    public var description: String {
        switch result.end.outcome {
        case .exited(let code): "exit code \(code)"
        case .timedOut(let deadline): "timed out after \(deadline)"
        case .signaled(let signal): "exit code \(128 + signal), by signal \(signal)"
        case .outOfMemory: "out of memory"
        case .outputLimit(let bytes): "ended after it wrote more than \(bytes) bytes"
        case .cpuTimeLimit(let time): "ended after it used more processor time than \(time)"
        case .diskQuota(let bytes): "ended, for its workspace holds more files or bytes than the \(bytes) that it may"
        case .fileSizeLimit(let bytes): "killed for a file of more than \(bytes) bytes"
        case .cancelled: "terminated"
        case .shuttingDown: "ended with the broker"
        case .spawnFailed(let failure): "not run: errno \(failure.systemErrno)"
        }
    }

    fileprivate var error: BackendError {
        BackendError(
            .execFailed,
            message: excerpt.isEmpty ? "the command failed (\(self))" : "the command failed (\(self)): \(excerpt)",
            operation: "exec",
            maybeExecuted: true,
            cause: self
        )
    }

    /// What the command said last, on standard error if it said something there.
    private var excerpt: String {
        let said = result.standardError.readableBytes > 0 ? result.standardError : result.standardOutput
        let lines = said.readableBytesView.suffix(4 * Self.excerptLength).split { $0 == UInt8(ascii: "\n") }
        return String(WorkspacePath.printable(lines.last ?? []).suffix(Self.excerptLength))
    }

    private static let excerptLength = 200
}
