package import AgentBackend
import Glibc

extension BrokerRoot {
    /// Version of what lies beneath ROOT/v1, as ROOT/v1/format says it.
    static let formatVersion = 1
    private static let formatFile = "format"
    private static let formatHeading = "agent-broker format "

    /// Takes a root for this process, and makes what is missing in it.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - isPrivileged: whether org files get uids of their own; takes root.
    ///   - patience: how long to wait for another broker to give the root free.
    ///   - clock: what that is measured with.
    ///
    /// Throws `CONFLICT` that names the holder when the root is in use, `INVALID_CONFIGURATION` that says what to
    /// do when it cannot be used, and `CANCELLED`.
    package static func open(
        _ path: String,
        isPrivileged: Bool = geteuid() == 0,
        patience: Duration = .seconds(2),
        clock: some Clock<Duration> = ContinuousClock()
    ) async throws(BackendError) -> BrokerRoot {
        let path = try makeRoot(path, isPrivileged: isPrivileged)
        let root = try openRoot(path, isPrivileged: isPrivileged)
        if isPrivileged { try checkAncestors(of: path) }
        let lock = try await RootLock.acquire(in: root.raw, path: path, patience: patience, clock: clock)

        let passable: mode_t = isPrivileged ? 0o711 : 0o700
        let version = try directory("v1", in: root.raw, beneath: path, mode: passable)
        try checkFormat(in: version.raw, path: "\(path)/v1")
        return BrokerRoot(
            path: path,
            isPrivileged: isPrivileged,
            orgs: try directory("orgs", in: version.raw, beneath: "\(path)/v1", mode: passable),
            state: try directory("state", in: root.raw, beneath: path, mode: 0o700),
            lock: lock
        )
    }

    /// Makes the root and the directories above it that are missing. The path without symbolic links.
    private static func makeRoot(_ path: String, isPrivileged: Bool) throws(BackendError) -> String {
        guard path.hasPrefix("/") else {
            throw BackendError(.invalidConfiguration, message: "the root \(path) is not absolute: begin it with /")
        }
        return try SystemFailure.advising(unusable) { () throws(SystemFailure) in
            var ancestor = ""
            let names = path.split(separator: "/")
            for (index, name) in names.enumerated() {
                ancestor += "/\(name)"
                let mode: mode_t = !isPrivileged ? 0o700 : index == names.count - 1 ? 0o711 : 0o755
                if mkdir(ancestor, mode) == 0 {
                    // Whatever the umask took away.
                    try SystemFailure.check("chmod", ancestor) { chmod(ancestor, mode) }
                } else if errno != EEXIST {
                    throw SystemFailure("mkdir", ancestor)
                }
            }
            guard let resolved = realpath(path, nil) else { throw SystemFailure("realpath", path) }
            defer { free(resolved) }
            return String(cString: resolved)
        }
    }

    private static let unusable = "choose another root, or make this one a directory of the broker's user"

    private static func openRoot(_ path: String, isPrivileged: Bool) throws(BackendError) -> OwnedDescriptor {
        let root = try SystemFailure.advising(unusable) { () throws(SystemFailure) in
            try OwnedDescriptor.directory(path)
        }
        let status = try SystemFailure.advising(unusable) { () throws(SystemFailure) in try root.status(of: path) }
        guard status.st_uid == geteuid() else {
            throw BackendError(
                .invalidConfiguration,
                reason: .denied,
                message: "the root \(path) belongs to uid \(status.st_uid), the broker runs as \(geteuid()): "
                    + "start it as that user, or choose another root"
            )
        }
        guard status.st_mode & 0o022 == 0 else {
            throw BackendError(
                .invalidConfiguration,
                reason: .denied,
                message: "others may write to the root \(path): chmod go-w it, or choose another root"
            )
        }
        // Only what is missing: a root that the operator made may well be readable to all.
        if isPrivileged, status.st_mode & 0o111 != 0o111 {
            let mode = status.st_mode & 0o777 | 0o111
            try SystemFailure.advising(unusable) { () throws(SystemFailure) in
                try SystemFailure.check("chmod", path) { fchmod(root.raw, mode) }
            }
        }
        return root
    }

    /// A sandbox runs as its org's uid and has to reach the workspace by its path.
    private static func checkAncestors(of path: String) throws(BackendError) {
        var ancestor = path
        while ancestor != "/" {
            let cut = ancestor.lastIndex(of: "/") ?? ancestor.startIndex
            ancestor = cut == ancestor.startIndex ? "/" : String(ancestor[..<cut])
            var status = stat()
            try SystemFailure.advising("choose another root") { () throws(SystemFailure) in
                try SystemFailure.check("stat", ancestor) { stat(ancestor, &status) }
            }
            guard status.st_mode & 0o001 != 0 else {
                throw BackendError(
                    .invalidConfiguration,
                    reason: .denied,
                    message: "\(ancestor) is closed to other users "
                        + "(mode \(String(status.st_mode & 0o7777, radix: 8))), and the commands of orgs, which run as users of their own, must pass through it to "
                        + "\(path): chmod o+x \(ancestor), or choose another root, such as /var/lib/agent-broker"
                )
            }
        }
    }

    private static func checkFormat(in version: CInt, path: String) throws(BackendError) {
        let file = "\(path)/\(formatFile)"
        let advice = "make it readable and writable to the broker"
        let bytes = try SystemFailure.advising(advice) { () throws(SystemFailure) in
            try SmallFile.read(formatFile, in: version, calling: file, atMost: 1000)
        }
        guard let bytes else {
            let text = "\(formatHeading)\(formatVersion)\n"
            return try SystemFailure.advising(advice) { () throws(SystemFailure) in
                try SmallFile.replace(formatFile, in: version, calling: file, with: Array(text.utf8))
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix(formatHeading), text.hasSuffix("\n"),
            let found = Int(text.dropFirst(formatHeading.count).dropLast())
        else {
            throw BackendError(
                .invalidConfiguration,
                message: "\(file) does not say a format version: restore it from a backup, or choose another root"
            )
        }
        guard found == formatVersion else {
            throw BackendError(
                .invalidConfiguration,
                message: "\(path) has format \(found), this broker knows \(formatVersion): use the broker that "
                    + "wrote it, or choose another root"
            )
        }
    }

    /// A directory of the broker's own, made where it is missing.
    static func directory(
        _ name: String,
        in parent: CInt,
        beneath path: String,
        mode: mode_t
    ) throws(BackendError) -> OwnedDescriptor {
        let path = "\(path)/\(name)"
        let advice = "make it a directory of the user that the broker runs as"
        let directory = try SystemFailure.advising(advice) { () throws(SystemFailure) in
            if mkdirat(parent, name, mode) != 0, errno != EEXIST { throw SystemFailure("mkdir", path) }
            return try OwnedDescriptor.directory(name, in: parent, calling: path)
        }
        try SystemFailure.advising(advice) { () throws(SystemFailure) in
            // Also whatever the umask took away.
            try SystemFailure.check("chmod", path) { fchmod(directory.raw, mode) }
        }
        return directory
    }
}
