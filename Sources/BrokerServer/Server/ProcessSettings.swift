internal import AgentBackend
internal import Glibc

/// What a broker sets for its whole process, before it has other threads that matter.
enum ProcessSettings {
    static func apply() throws(BackendError) {
        // A peer that went away, or a file that grew too large, is an error of one call and no reason to die.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        // Directories and files are made with the permissions that are asked for, and no more.
        umask(0o022)
        raiseDescriptorLimit()
        // File operations run with an org's user and group: root's other groups must not come along.
        if geteuid() == 0, setgroups(0, nil) != 0 {
            throw BackendError(
                .permissionDenied,
                systemErrno: errno,
                message: "cannot drop the supplementary groups: run the broker as root with CAP_SETGID, or as an "
                    + "ordinary user"
            )
        }
    }

    /// Descriptors that this process may have.
    static var descriptorLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        return Int(clamping: limit.rlim_cur)
    }

    /// Each connection, open file and command needs some; the usual soft limit of 1024 is soon reached.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
