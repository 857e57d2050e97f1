internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Opened as a path alone, which takes no permission on the file itself; what was opened is what is changed,
    /// whatever takes its place meanwhile. A directory keeps the group of what is made in there, as with mkdir.
    func chmod(_ path: WorkspacePath, permissions: mode_t) throws(DirectoryAccess.Failure) -> FileInfo {
        guard !path.isRoot else { throw .isRoot }
        let found = try access.open(path, flags: linux_o_path)
        let status = try found.status()
        let inherited = status.kind == .directory ? status.st_mode & S_ISGID : 0
        // fchmod(2) takes no descriptor of that kind; open(2), O_PATH.
        guard Glibc.chmod("/proc/self/fd/\(found.number)", permissions | inherited) == 0 else { throw .errno(errno) }
        return FileInfo(try found.status())
    }
}
