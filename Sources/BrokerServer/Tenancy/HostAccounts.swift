import Glibc

/// The users and groups that the host knows, from passwd and group or wherever its administrator keeps them, and the
/// numbers that it has for more.
struct HostAccounts: Sendable {
    /// The name of a uid's user; nil where there is none.
    var user: @Sendable (UInt32) -> String?
    /// The name of a gid's group; nil where there is none.
    var group: @Sendable (UInt32) -> String?
    /// The uids that files can be given to.
    var uids: NumberMap
    /// The gids that files can be given to.
    var gids: NumberMap

    /// Those of this host. May ask the network where the host's accounts are kept there.
    static let system = HostAccounts(
        user: { uid in
            withGrowingBuffer { buffer, size in
                var entry = passwd()
                var found: UnsafeMutablePointer<passwd>?
                let code = getpwuid_r(uid, &entry, buffer, size, &found)
                return (code, found.map { String(cString: $0.pointee.pw_name) })
            }
        },
        group: { gid in
            withGrowingBuffer { buffer, size in
                var entry = Glibc.group()
                var found: UnsafeMutablePointer<Glibc.group>?
                let code = getgrgid_r(gid, &entry, buffer, size, &found)
                return (code, found.map { String(cString: $0.pointee.gr_name) })
            }
        },
        uids: .ofProcess("uid_map"),
        gids: .ofProcess("gid_map")
    )

    /// Who has the number already, as user or as group; nil where nobody does.
    func holder(of id: UInt32) -> String? {
        if let user = user(id) { return "user \(user)" }
        if let group = group(id) { return "group \(group)" }
        return nil
    }

    /// Calls `body` with more room each time it says `ERANGE`: a group may have very many members.
    private static func withGrowingBuffer(
        _ body: (UnsafeMutablePointer<CChar>, _ size: Int) -> (code: CInt, name: String?)
    ) -> String? {
        var size = 4096
        while size <= 16 << 20 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            let result = body(buffer, size)
            if result.code != ERANGE { return result.name }
            size *= 4
        }
        // There is an entry, or it would not need room.
        return "of very many members"
    }
}
