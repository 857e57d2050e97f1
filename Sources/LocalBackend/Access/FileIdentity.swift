package import AgentBackend
internal import CLinux

/// Lets file system calls of the calling thread run as an org's user, so that the kernel applies its permissions.
package enum FileIdentity {
    /// Runs `body` as `identity`; nil: as the broker itself. setfsuid(2) holds for the thread, so `body` makes file
    /// system calls and computes: it must not suspend, start a thread or task, or resume one.
    @inline(__always)
    package static func perform<Value>(as identity: HostIdentity?, _ body: () -> Value) -> Value {
        guard let identity else { return body() }
        linux_assume_file_identity(identity.uid, identity.gid)
        defer { linux_resume_file_identity() }
        return body()
    }

    /// Throws `PERMISSION_DENIED` where this process cannot act as `identity`. Asked once, at start: what follows
    /// relies on the switch.
    package static func prove(_ identity: HostIdentity) throws(BackendError) {
        let status = perform(as: identity) { linux_check_file_identity(identity.uid, identity.gid) }
        guard status == 0 else {
            throw BackendError(
                .permissionDenied,
                systemErrno: -status,
                message: "the broker cannot act as uid \(identity.uid): run it as root with CAP_SETUID and CAP_SETGID, "
                    + "or as an ordinary user without identities"
            )
        }
    }
}
