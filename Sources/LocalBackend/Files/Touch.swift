internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Sets the time of what is there, whatever it is: it is opened as a path alone, which waits for nobody at the other
    /// end and takes no permission to read or write. Where nothing is there, a file is written as any other.
    func touch(_ path: WorkspacePath) throws(DirectoryAccess.Failure) -> FileInfo {
        do throws(DirectoryAccess.Failure) {
            let found = try access.open(path, flags: linux_o_path)
            try found.touch()
            return FileInfo(try found.status())
        } catch .errno(ENOENT) where !access.root.isRemoved {
            // In this mode what appears meanwhile stays as it is.
            return try commit(
                try makeTemporaryFile(keeping: UsageAmount(inodes: 1)),
                to: path,
                options: WriteOptions(mode: .append)
            )
        }
    }
}

extension FileDescriptorHandle {
    fileprivate func touch() throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            try setModified(Generation.next())
        } catch .errno(EPERM) {
            // Who may write to a file that is another user's may set its times to now, but to no other.
            let result = linux_set_modified(number, nil)
            guard result == 0 else { throw .errno(-result) }
        }
    }
}
