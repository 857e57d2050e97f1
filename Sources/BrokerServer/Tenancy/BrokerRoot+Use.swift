package import AgentBackend
import Glibc

/// When each workspace was last used: the modification time of an empty file per key, in ROOT/state/used/<org>/, where
/// nobody but the broker reaches it.
extension BrokerRoot {
    private static let usedName = "used"

    /// Remembers that a key's workspace was used at `time`, in nanoseconds since 1970-01-01 UTC. Throws `WRITE_FAILED`.
    package func noteUse(of org: Org, key: String, at time: Int64) throws(BackendError) {
        let marks = try openMarks(of: org)
        try SystemFailure.concealing("cannot note the use of the workspace") { () throws(SystemFailure) in
            try Self.mark(key, in: marks.raw, at: time)
        }
    }

    /// Nobody cares any more: the workspace is gone.
    func forgetUse(of org: Org, key: String) throws(BackendError) {
        let marks = try openMarks(of: org)
        try SystemFailure.concealing("cannot forget the use of the workspace") { () throws(SystemFailure) in
            if unlinkat(marks.raw, key, 0) != 0, errno != ENOENT { throw SystemFailure("unlink", key) }
        }
    }

    func openMarks(of org: Org) throws(BackendError) -> OwnedDescriptor {
        try SystemFailure.concealing("cannot open what is known of the use of workspaces") {
            () throws(SystemFailure) in
            let used = try Self.openOrMake(Self.usedName, in: state.raw)
            return try Self.openOrMake(org.name, in: used.raw)
        }
    }

    private static func openOrMake(_ name: String, in parent: CInt) throws(SystemFailure) -> OwnedDescriptor {
        if mkdirat(parent, name, 0o700) != 0, errno != EEXIST { throw SystemFailure("mkdir", name) }
        return try OwnedDescriptor.directory(name, in: parent)
    }

    static func mark(_ key: String, in marks: CInt, at time: Int64) throws(SystemFailure) {
        let flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC
        let raw = try SystemFailure.check("open", key) { openat(marks, key, flags, 0o600) }
        let file = OwnedDescriptor(adopting: raw)
        let (seconds, nanoseconds) = time.quotientAndRemainder(dividingBy: 1_000_000_000)
        let stamp = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        try SystemFailure.check("utimens", key) { futimens(file.raw, [stamp, stamp]) }
    }

    /// Nil: nothing is known of the key.
    static func useTime(_ key: String, in marks: CInt) throws(SystemFailure) -> Int64? {
        var status = stat()
        if fstatat(marks, key, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status.st_mtim.inNanoseconds }
        guard errno == ENOENT else { throw SystemFailure("stat", key) }
        return nil
    }
}

extension timespec {
    var inNanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }
}
