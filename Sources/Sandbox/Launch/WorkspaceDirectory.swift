internal import AgentBackend
internal import CLinux
internal import Glibc

/// Questions about a command's workspace, by its descriptor.
enum WorkspaceDirectory {
    /// Throws `EXEC_ERROR` with a reason where `directory` is no directory beneath the workspace, and
    /// `PATH_ESCAPE_ATTEMPT` where a link leads out of it.
    static func check(workingDirectory directory: [UInt8], in workspace: Int32) throws(BackendError) {
        guard !directory.isEmpty else { return }
        let found = (directory + [0]).withUnsafeBytes { bytes in
            linux_openat2(
                workspace,
                bytes.assumingMemoryBound(to: CChar.self).baseAddress,
                linux_o_path | linux_o_directory,
                0,
                linux_resolve_beneath | linux_resolve_no_magiclinks
            )
        }
        if found < 0 { throw .workingDirectory(directory, errno: -found) }
        _ = OwnedDescriptor(found)
    }
}

extension BackendError {
    /// The command's working directory cannot be entered.
    static func workingDirectory(_ directory: [UInt8], errno code: Int32) -> BackendError {
        let name = String(decoding: directory, as: UTF8.self)
        if code == EXDEV {
            return BackendError(
                .pathEscapeAttempt,
                systemErrno: code,
                message: "the working directory leads out of the workspace: \(name)"
            )
        }
        return BackendError(
            .execError,
            reason: .init(errno: code),
            systemErrno: code,
            message: "the working directory cannot be entered: \(name)"
        )
    }
}

extension BackendError.Reason {
    /// The reason that an errno(3) of finding or executing a file stands for, where there is one.
    init?(errno code: Int32) {
        switch code {
        case ENOENT: self = .notFound
        case ENOTDIR: self = .notDirectory
        case EISDIR: self = .isDirectory
        case EACCES, EPERM: self = .denied
        case ELOOP: self = .loop
        case E2BIG, ENAMETOOLONG: self = .tooLarge
        case ETXTBSY: self = .busy
        case EIO: self = .io
        default: return nil
        }
    }
}
