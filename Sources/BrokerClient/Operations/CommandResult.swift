public import AgentBackend
public import NIOCore

/// What a command wrote and how it ended.
public struct CommandResult: Sendable, Hashable {
    public var standardOutput = ByteBuffer()
    public var standardError = ByteBuffer()
    /// How it was isolated: "none", "software", "landlock" or "bwrap".
    public var isolation = ""
    /// Nil: it was killed for writing too much.
    public var end: ExecEnd?

    /// It exited with code 0.
    public var isSuccess: Bool { end?.outcome == .exited(code: 0) }
}

/// The cause of an `EXEC_FAILED` error: everything that is known of the command.
public struct CommandFailure: Error, CustomStringConvertible {
    public var result: CommandResult

    public var description: String {
        switch result.end?.outcome {
        case .exited(let code): "exit code \(code)"
        case .timedOut(let deadline): "timed out after \(deadline)"
        case .terminated: "terminated"
        case nil: "wrote too much"
        }
    }

    var error: BackendError {
        BackendError(
            .execFailed,
            reason: result.end == nil ? .tooLarge : nil,
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

extension CommandSession {
    /// Reads the events to their end and returns what the command wrote. More than `maximumOutput` bytes in all are
    /// `EXEC_FAILED` with reason `TOO_LARGE`, and the command is killed.
    public func collect(maximumOutput: Int) async throws(BackendError) -> CommandResult {
        var result = CommandResult()
        while let event = try await next() {
            switch event {
            case .started(let isolation): result.isolation = isolation
            case .standardOutput(var bytes): result.standardOutput.writeBuffer(&bytes)
            case .standardError(var bytes): result.standardError.writeBuffer(&bytes)
            case .ended(let end): result.end = end
            }
            guard result.standardOutput.readableBytes + result.standardError.readableBytes <= maximumOutput else {
                await cancel()
                throw CommandFailure(result: result).error
            }
        }
        return result
    }
}
