internal import AgentBackend
internal import CLinux
internal import Glibc

extension SpawnFailure {
    /// What the agent says of a program that was not executed.
    init(_ reply: sandbox_reply) {
        let stage = Stage(rawValue: reply.stage) ?? .other
        let kind: Kind =
            switch (stage, reply.error) {
            case (_, EAGAIN), (_, ENOMEM), (_, EMFILE), (_, ENFILE), (_, ENOSPC): .outOfResources
            case (.workingDirectory, _): .workingDirectory
            case (.program, ENOENT): reply.interpreter_is_missing == 0 ? .programNotFound : .interpreterNotFound
            case (.program, ENOTDIR): .programNotFound
            case (.program, E2BIG): .argumentsTooLong
            case (.program, EACCES), (.program, EPERM), (.program, ENOEXEC), (.program, ELIBBAD), (.program, EISDIR):
                .notExecutable
            case (.program, _): .other
            default: .sandbox
            }
        self.init(kind: kind, systemErrno: reply.error, stage: stage)
    }

    /// As readers of the command's output get it.
    func error(running command: PreparedCommand) -> BackendError {
        switch stage {
        case .workspace where systemErrno == ENOENT:
            return .workspaceRemoved
        case .workspace where systemErrno == EXDEV:
            return .workspaceReplaced
        case .workingDirectory:
            return .workingDirectory(command.workingDirectory, errno: systemErrno)
        case .program:
            let name = String(decoding: command.arguments.first ?? [], as: UTF8.self)
            return BackendError(
                .execError,
                reason: BackendError.Reason(errno: systemErrno),
                systemErrno: systemErrno,
                message: "\(explanation): \(name)"
            )
        default:
            return BackendError(
                kind == .outOfResources ? .resourceExhausted : .execError,
                systemErrno: systemErrno,
                message: "\(explanation) (errno \(systemErrno), while it was made ready)",
                isRetryable: kind == .outOfResources
            )
        }
    }

    private var explanation: String {
        switch (kind, systemErrno) {
        case (.programNotFound, ENOTDIR): "a part of the program's path is not a directory"
        case (.programNotFound, _): "the program does not exist"
        case (.interpreterNotFound, _): "the interpreter that the program names does not exist"
        case (.notExecutable, ENOEXEC), (.notExecutable, ELIBBAD): "the file is not a program for this machine"
        case (.notExecutable, _): "the program is not executable for the command's user"
        case (.argumentsTooLong, _):
            "an argument, or all with the environment, is longer than the kernel takes; put it into a file"
        case (.outOfResources, _): "the org runs as many processes as it may, or the host is out of memory"
        case (_, ETXTBSY): "the program's file is being written"
        default: "the program cannot be run"
        }
    }
}
