internal import AgentBackend
internal import CLinux
internal import Glibc

extension DirectoryAccess {
    func stat(_ path: WorkspacePath, followLink: Bool) throws(Failure) -> FileInfo {
        let flags = linux_o_path | (followLink ? 0 : linux_o_nofollow)
        return FileInfo(try withOpen(path, flags: flags) { (number) throws(Failure) in try Glibc.stat(of: number) })
    }
}
