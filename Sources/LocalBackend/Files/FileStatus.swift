internal import AgentBackend
internal import Glibc

extension FileInfo {
    init(_ status: Glibc.stat) {
        let kind: Kind? =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            default: nil
            }
        self.init(
            kind: kind,
            size: UInt64(clamping: status.st_size),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            permissions: status.st_mode & 0o7777
        )
    }
}

extension FileDescriptorHandle {
    func status() throws(DirectoryAccess.Failure) -> Glibc.stat {
        var status = Glibc.stat()
        guard fstat(number, &status) == 0 else { throw .errno(errno) }
        return status
    }

    /// Of `name` in this directory; a symbolic link is not followed. Nil: there is none.
    func status(of name: [UInt8]) throws(DirectoryAccess.Failure) -> Glibc.stat? {
        var status = Glibc.stat()
        if name.withCString({ fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return status }
        guard errno == ENOENT else { throw .errno(errno) }
        return nil
    }
}
