package import AgentBackend
import Glibc

/// The workspaces of an org's keys, as they are on disk.
extension BrokerRoot {
    /// A key that has files.
    package struct Workspace: Sendable, Hashable {
        package var key: String
        /// When it was last used, in nanoseconds since 1970-01-01 UTC. Of one that was never seen in use: when its
        /// directory last changed.
        package var usedNanoseconds: Int64
    }

    /// At most `limit` of the keys that sort after `key` as bytes and that `isAllowed`, in that order, and whether there
    /// are more. Takes memory for as many, however many there are. Throws `LS_FAILED`.
    package func workspaces(
        of org: Org,
        after key: String,
        limit: Int,
        isAllowed: (String) -> Bool
    ) throws(BackendError) -> (workspaces: [Workspace], isTruncated: Bool) {
        let directory = try openOrg(org)
        let marks = try openMarks(of: org)
        return try Self.listing { () throws(SystemFailure) in
            var last = key
            while true {
                var first = BoundedSelection<String>(limit: limit) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                try Self.forEachKey(in: directory.raw) { key throws(SystemFailure) in
                    if last.utf8.lexicographicallyPrecedes(key.utf8), isAllowed(key) { first.insert(key) }
                }
                let keys = first.sorted()
                var found: [Workspace] = []
                for key in keys {
                    // Removed since, or no directory.
                    guard let changed = Self.changeTime(key, in: directory.raw) else { continue }
                    let used = try Self.useTime(key, in: marks.raw)
                    found.append(Workspace(key: key, usedNanoseconds: used ?? changed))
                }
                // An answer is empty only where there is nothing more.
                if !found.isEmpty || !first.isTruncated { return (found, first.isTruncated) }
                last = keys.last ?? last
            }
        }
    }

    /// At most `limit` of the keys that were last used before `time` and that nothing speaks for keeping, the longest
    /// unused first. One that was never seen in use counts as used `now`, from now on. Throws `LS_FAILED`.
    package func workspaces(
        of org: Org,
        unusedSince time: Int64,
        now: Int64,
        limit: Int,
        isKept: (String) -> Bool
    ) throws(BackendError) -> [Workspace] {
        let directory = try openOrg(org)
        let marks = try openMarks(of: org)
        var oldest = BoundedSelection<Workspace>(limit: limit) { $0.usedNanoseconds < $1.usedNanoseconds }
        try Self.listing { () throws(SystemFailure) in
            try Self.forEachKey(in: directory.raw) { key throws(SystemFailure) in
                guard !isKept(key), Self.changeTime(key, in: directory.raw) != nil else { return }
                if let used = try Self.useTime(key, in: marks.raw) {
                    if used < time { oldest.insert(Workspace(key: key, usedNanoseconds: used)) }
                } else {
                    try Self.mark(key, in: marks.raw, at: now)
                }
            }
        }
        return oldest.sorted()
    }

    /// Whether a key has a directory. Makes none.
    func hasWorkspace(of org: Org, key: String) throws(BackendError) -> Bool {
        Self.changeTime(key, in: try openOrg(org).raw) != nil
    }

    /// When a key's workspace was last used, as far as it is known.
    func useTime(of org: Org, key: String) throws(BackendError) -> Int64? {
        let marks = try openMarks(of: org)
        return try Self.listing { () throws(SystemFailure) in try Self.useTime(key, in: marks.raw) }
    }

    private static func forEachKey(
        in directory: CInt,
        _ body: (String) throws(SystemFailure) -> Void
    ) throws(SystemFailure) {
        var entries = try DirectoryStream(try OwnedDescriptor.directory(".", in: directory), path: ".")
        while let name = entries.next({ String(cString: $0) }) {
            if Name.isValid(name.utf8) { try body(name) }
        }
    }

    /// Nil where there is no directory of that name.
    private static func changeTime(_ name: String, in directory: CInt) -> Int64? {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return nil
        }
        return status.st_ctim.inNanoseconds
    }

    private static func listing<Result>(
        _ body: () throws(SystemFailure) -> Result
    ) throws(BackendError) -> Result {
        do {
            return try body()
        } catch {
            throw BackendError(
                .lsFailed,
                reason: error.reason,
                systemErrno: error.errno,
                message: "cannot list the workspaces: \(error.summary)",
                cause: error
            )
        }
    }
}
