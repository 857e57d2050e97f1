package import AgentBackend
internal import Glibc

extension BackendError {
    /// What a failed system call means to the caller. `EXDEV` is how openat2(2) says that a path leads outside.
    package init(_ code: Code, errno number: Int32, _ path: WorkspacePath) {
        let (reason, advice) = BackendError.meaning(of: number)
        self.init(code, reason: reason, systemErrno: number, message: "\(path): \(advice)")
    }

    package static func meaning(of number: Int32) -> (reason: Reason, advice: String) {
        switch number {
        case ENOENT: (.notFound, "there is no such file or directory")
        case EEXIST: (.exists, "it is there already; replace it or choose another name")
        case EISDIR: (.isDirectory, "it is a directory; name a file in it")
        case ENOTDIR: (.notDirectory, "a part of the path is no directory")
        case ENOTEMPTY: (.notEmpty, "the directory is not empty; remove it recursively, or what is in it first")
        case EACCES, EPERM: (.denied, "its permissions, or those of a directory above it, do not allow this")
        case ENOSPC, EDQUOT: (.noSpace, "no space is left; remove files, or have the space raised")
        case EFBIG: (.tooLarge, "the file would be larger than is allowed")
        case ENXIO, ENODEV, EOPNOTSUPP: (.notRegular, "it is no regular file")
        case ELOOP: (.loop, "it has too many symbolic links, or they lead in a circle")
        case EBUSY, ETXTBSY, EAGAIN: (.busy, "it is in use or changes all the time; try again")
        case EROFS: (.readOnly, "it lies on a file system that is mounted read-only")
        case EMFILE, ENFILE: (.io, "the broker has no file descriptor left; try again, or raise its limit of open files")
        default: (.io, "the system reports: \(String(cString: strerror(number)))")
        }
    }
}
