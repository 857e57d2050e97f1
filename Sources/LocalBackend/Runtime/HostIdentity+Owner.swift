package import AgentBackend
internal import Glibc

extension HostIdentity {
    /// Of whoever owns a directory of the host. Nil: root does, or there is none.
    package init?(ownerOf path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid != 0, status.st_gid != 0 else { return nil }
        self.init(uid: status.st_uid, gid: status.st_gid)
    }
}
