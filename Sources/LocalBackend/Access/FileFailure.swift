internal import AgentBackend
internal import Glibc

extension DirectoryAccess.Failure {
    /// As the caller is told of it.
    func error(_ code: BackendError.Code, _ path: WorkspacePath) -> BackendError {
        switch self {
        case .errno(let number):
            BackendError(code, errno: number, path)
        case .escape:
            .pathEscape(path.bytes)
        case .leadsOutside(let target):
            .pathEscape(target.bytes)
        case .isRoot:
            BackendError(
                code,
                reason: .busy,
                systemErrno: EBUSY,
                message: "\(path) is the root itself, which stays: name what is in it"
            )
        case .tooLarge(let bytes, let allowed):
            BackendError(
                code,
                reason: .tooLarge,
                systemErrno: EFBIG,
                message: "\(path) would have \(bytes) bytes, and \(allowed) are allowed: write less, or have the limit "
                    + "raised",
                limit: LimitDetails(name: "file_bytes", used: bytes, allowed: allowed)
            )
        case .overQuota(let refusal):
            refusal.error(path)
        case .intoItself(let destination):
            BackendError(
                .invalidArgument,
                systemErrno: EINVAL,
                message: "\(destination) lies below \(path) itself: choose a place outside of it"
            )
        case .needsRecursion:
            BackendError(
                code,
                reason: .isDirectory,
                systemErrno: EISDIR,
                message: "\(path) is a directory: copy it recursively"
            )
        case .versionConflict(let current):
            .versionConflict(path, current: current)
        case .wouldBlock:
            BackendError(.internal, message: "a call that may not wait was asked to")
        case .cancelled:
            BackendError(
                .cancelled,
                message: "the call was cancelled while it worked on \(path): what it did by then stays",
                maybeExecuted: true
            )
        case .at(let other, let failure):
            failure.error(code, other)
        case .refused(let error):
            error
        case .destroyed:
            BackendError(.backendDestroyed, message: "the backend was destroyed: acquire it again")
        }
    }
}

extension UsageLedger.Refusal {
    fileprivate func error(_ path: WorkspacePath) -> BackendError {
        BackendError(
            .resourceExhausted,
            reason: .noSpace,
            systemErrno: EDQUOT,
            message:
                "\(path): \(limit) are \(used), \(asked) more were asked for, and \(allowed) are allowed: remove files, "
                + "or have the limit raised",
            limit: LimitDetails(name: limit, used: used, asked: asked, allowed: allowed)
        )
    }
}

extension BackendError {
    /// What a failed system call means to the caller.
    init(_ code: Code, errno number: Int32, _ path: WorkspacePath) {
        let (reason, advice) = BackendError.meaning(of: number)
        self.init(code, reason: reason, systemErrno: number, message: "\(path): \(advice)")
    }

    private static func meaning(of number: Int32) -> (reason: Reason, advice: String) {
        switch number {
        case ENOENT: (.notFound, "there is no such file or directory; check the path, or make it first")
        case EEXIST: (.exists, "it is there already; replace it or choose another name")
        case EISDIR: (.isDirectory, "it is a directory; name a file in it")
        case ENOTDIR: (.notDirectory, "it, or a part of the path, is no directory; check the path")
        case ENOTEMPTY: (.notEmpty, "the directory is not empty; remove it recursively, or what is in it first")
        case EACCES, EPERM:
            (.denied, "its permissions, or those of a directory above it, do not allow this; change them")
        case ENOSPC, EDQUOT: (.noSpace, "no space is left; remove files, or have the space raised")
        case EFBIG: (.tooLarge, "the file would be larger than is allowed; write less")
        case ENAMETOOLONG: (.tooLarge, "a name in it or what its links lead to is too long; use shorter names")
        case ENXIO, ENODEV, EOPNOTSUPP: (.notRegular, "it is no regular file; name one")
        case ELOOP: (.loop, "it has too many symbolic links, or they lead in a circle; remove one of them")
        case EBUSY, ETXTBSY, EAGAIN: (.busy, "it is in use or changes all the time; try again")
        case EROFS: (.readOnly, "it lies on a file system that is mounted read-only; choose another place")
        case EXDEV: (.crossDevice, "it lies on another file system than its workspace; choose another place")
        case EMFILE, ENFILE:
            (.io, "the broker has no file descriptor left; try again, or raise its limit of open files")
        default: (.io, "the system reports: \(String(cString: strerror(number))); try again")
        }
    }
}
