package import AgentBackend
import CLinux
import Glibc

extension BrokerRoot {
    private static let temporaryName = ".tmp"
    private static let keylessName = ".keyless"
    /// What in an org's directory ends with the broker.
    static let temporaryNames = [temporaryName, keylessName]

    /// Makes an org's directory and what belongs in it. For every org of the configuration, before it is used.
    package func prepare(_ org: Org) throws(BackendError) {
        let directory = try makeOrgDirectory(org.name)
        _ = try Self.directory(Self.keylessName, in: directory.raw, beneath: path(of: org), mode: passableMode)
        try makeLeaf(Self.temporaryName, in: directory, of: org, called: "the directory for temporary files")
    }

    /// Where the org's temporary files go: on the file system of its workspaces, and not inside any of them.
    package func temporaryDirectory(of org: Org) -> String {
        "\(path(of: org))/\(Self.temporaryName)"
    }

    /// The directory of a key's files, made where it is missing, and of use again where its owner took away its own
    /// permissions.
    ///
    /// Throws `INVALID_ARGUMENT` for what is no key, `PERMISSION_DENIED` for a directory that belongs to somebody
    /// else, `WRITE_FAILED` where it cannot be made. No message tells a path of the host.
    package func workspaceDirectory(of org: Org, key: String) throws(BackendError) -> String {
        try Name.validate(key, kind: "key")
        try makeLeaf(key, in: try openOrg(org), of: org, called: "the workspace of key \"\(key)\"")
        return "\(path(of: org))/\(key)"
    }

    /// A new workspace that has no key: an empty directory that nobody else is ever given.
    package func makeKeylessWorkspace(of org: Org) throws(BackendError) -> KeylessWorkspace {
        let name = Hexadecimal.random(bytes: 16)
        let directory = try openKeyless(in: try openOrg(org))
        try makeLeaf(name, in: directory, of: org, called: "a workspace without a key")
        return KeylessWorkspace(name: name, path: "\(path(of: org))/\(Self.keylessName)/\(name)")
    }

    /// The orgs that ever had files here, in no order.
    func orgNames() throws(BackendError) -> [String] {
        try SystemFailure.advising("repair \(path)/v1/orgs, where the orgs' files are") { () throws(SystemFailure) in
            try Self.names(in: try OwnedDescriptor.directory(".", in: orgs.raw))
        }
    }

    // MARK: -

    private var passableMode: mode_t { isPrivileged ? 0o711 : 0o700 }

    private func path(of org: Org) -> String { "\(path)/v1/orgs/\(org.name)" }

    private func makeOrgDirectory(_ name: String) throws(BackendError) -> OwnedDescriptor {
        try Name.validate(name, kind: "org")
        return try Self.directory(name, in: orgs.raw, beneath: "\(path)/v1/orgs", mode: passableMode)
    }

    func openOrg(_ org: Org) throws(BackendError) -> OwnedDescriptor {
        try SystemFailure.concealing("cannot open the files of org \"\(org.name)\"") { () throws(SystemFailure) in
            try OwnedDescriptor.directory(org.name, in: orgs.raw)
        }
    }

    func openKeyless(in org: borrowing OwnedDescriptor) throws(BackendError) -> OwnedDescriptor {
        try SystemFailure.concealing("cannot open the workspaces without a key") { () throws(SystemFailure) in
            try OwnedDescriptor.directory(Self.keylessName, in: org.raw)
        }
    }

    /// A directory of the org's own, which only it can enter, made or repaired.
    private func makeLeaf(
        _ name: String,
        in parent: borrowing OwnedDescriptor,
        of org: Org,
        called what: @autoclosure () -> String
    ) throws(BackendError) {
        let owner = org.identity ?? HostIdentity(uid: geteuid(), gid: getegid())
        let holder = try SystemFailure.concealing("cannot prepare \(what())") { () throws(SystemFailure) in
            if mkdirat(parent.raw, name, 0o700) != 0, errno != EEXIST { throw SystemFailure("mkdir", name) }
            let leaf = try OwnedDescriptor.directory(name, in: parent.raw, flags: CInt(linux_o_path))
            let status = try leaf.status(of: name)
            // The broker's own is one that a crash kept from being given away.
            if status.st_uid == owner.uid || status.st_uid == geteuid() {
                try Self.repair(leaf, status: status, owner: owner, name: name)
                return owner.uid
            }
            return status.st_uid
        }
        guard holder == owner.uid else {
            throw BackendError(
                .permissionDenied,
                reason: .denied,
                message: "\(what()) belongs to uid \(holder) of the broker's host instead of \(owner.uid): the "
                    + "broker's operator has to give its files to that uid, or to move them away"
            )
        }
    }

    private static func repair(
        _ leaf: borrowing OwnedDescriptor,
        status: stat,
        owner: HostIdentity,
        name: String
    ) throws(SystemFailure) {
        // The descriptor was opened without permissions on the directory, so fchown and fchmod refuse it.
        let path = leaf.procPath
        if status.st_uid != owner.uid || status.st_gid != owner.gid, owner.uid != geteuid() {
            try SystemFailure.check("chown", name) { chown(path, owner.uid, owner.gid) }
        }
        if status.st_mode & 0o7777 != 0o700 {
            try SystemFailure.check("chmod", name) { chmod(path, 0o700) }
        }
    }

    /// The names in a directory that orgs and keys can have.
    private static func names(in directory: consuming OwnedDescriptor) throws(SystemFailure) -> [String] {
        var names: [String] = []
        var entries = try DirectoryStream(directory, path: ".")
        while let name = entries.next({ String(cString: $0) }) {
            if Name.isValid(name.utf8) { names.append(name) }
        }
        return names
    }
}

/// The directory of an entry without a key.
package struct KeylessWorkspace: Sendable, Hashable {
    let name: String
    package let path: String
}
