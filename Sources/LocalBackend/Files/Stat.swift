internal import AgentBackend
internal import CLinux

extension LocalFiles {
    func stat(_ path: WorkspacePath, followLink: Bool) throws(DirectoryAccess.Failure) -> FileInfo {
        let flags = linux_o_path | (followLink ? 0 : linux_o_nofollow)
        return FileInfo(try access.open(path, flags: flags).status())
    }
}
