import AgentBackend

/// The end of a command, as this program tells of it.
enum CommandEnd {
    /// As the command exited. Says on standard error where it ran for too long, unless `isQuiet`. Throws `EXEC_FAILED` or
    /// `EXEC_ERROR` where it did not come to an end of its own.
    static func status(_ end: ExecEnd?, isQuiet: Bool) throws(BackendError) -> ExitStatus {
        switch end?.outcome {
        case .exited(let code):
            return ExitStatus(rawValue: Int32(truncatingIfNeeded: code))
        case .signaled(let number):
            return .signal(number)
        case .timedOut(let deadline):
            if !isQuiet {
                ExitStatus.report(
                    BackendError(.execFailed, message: "killed after its timeout of \(deadline)", operation: "exec"),
                    asJSON: false
                )
            }
            return .timedOut
        case .outOfMemory:
            throw BackendError(.execFailed, message: "the command ran out of memory and was killed", operation: "exec")
        case .outputLimit(let bytes):
            throw BackendError(
                .execFailed,
                message: "the command wrote more than \(bytes) bytes and was killed",
                operation: "exec"
            )
        case .cpuTimeLimit(let time):
            throw BackendError(
                .execFailed,
                message: "the command used more processor time than \(time) and was killed",
                operation: "exec"
            )
        case .fileSizeLimit(let bytes):
            throw BackendError(
                .execFailed,
                message: "the command made a file of more than \(bytes) bytes and was killed",
                operation: "exec"
            )
        case .diskQuota(let bytes):
            throw BackendError(
                .execFailed,
                message:
                    "the command was killed, for the workspace holds more files or bytes than the \(bytes) that it may",
                operation: "exec"
            )
        case .spawnFailed(let failure):
            throw BackendError(
                .execError,
                systemErrno: failure.systemErrno,
                message: "the program could not be run",
                operation: "exec"
            )
        case .cancelled, .shuttingDown, nil:
            throw BackendError(.execFailed, message: "the broker ended the command", operation: "exec")
        }
    }

    /// For a table. Nil: it runs.
    static func text(_ end: ExecEnd?) -> String {
        switch end?.outcome {
        case nil: "running"
        case .exited(let code): "exit \(code)"
        case .signaled(let number): "signal \(number)"
        case .timedOut: "timed out"
        case .outOfMemory: "out of memory"
        case .outputLimit: "output limit"
        case .cpuTimeLimit: "CPU time limit"
        case .fileSizeLimit: "file size limit"
        case .diskQuota: "disk quota"
        case .cancelled: "ended"
        case .shuttingDown: "shut down"
        case .spawnFailed: "not run"
        }
    }

    /// Adds outcome, exit_code or signal, wall_us.
    static func add(_ end: ExecEnd, to line: inout JSONLine) {
        line.add("outcome", end.outcome.name)
        if let code = end.outcome.exitCode { line.add("exit_code", code) }
        if case .signaled(let number) = end.outcome { line.add("signal", number) }
        line.add("wall_us", Int64(end.usage.wall / .microseconds(1)))
    }
}
