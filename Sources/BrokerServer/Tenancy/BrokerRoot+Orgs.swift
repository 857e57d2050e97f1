package import AgentBackend
import CLinux
import Glibc

extension BrokerRoot {
    private static let temporaryName = ".tmp"
    private static let keylessName = ".keyless"
    private static let trashName = ".trash"

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
        let name = Hexadecimal.text((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        let directory = try openKeyless(in: try openOrg(org))
        try makeLeaf(name, in: directory, of: org, called: "a workspace without a key")
        return KeylessWorkspace(name: name, path: "\(path(of: org))/\(Self.keylessName)/\(name)")
    }

    /// Removes a workspace without a key and all that is in it. Idempotent.
    package func discard(_ workspace: KeylessWorkspace, of org: Org) throws(BackendError) -> SweepReport {
        let directory = try openOrg(org)
        let keyless = try openKeyless(in: directory)
        return try discard(workspace.name, in: keyless, org: directory)
    }

    /// Removes a key's files, whatever its owner did to them. Idempotent. To be called while no entry uses them;
    /// they are gone from the workspace's path at once, and from the disk when this returns.
    package func discardWorkspace(of org: Org, key: String) throws(BackendError) -> SweepReport {
        try Name.validate(key, kind: "key")
        let directory = try openOrg(org)
        return try discard(key, in: directory, org: directory)
    }

    /// The keys that an org has files of, in no order.
    package func workspaceKeys(of org: Org) throws(BackendError) -> [String] {
        try SystemFailure.concealing("cannot list the workspaces") { () throws(SystemFailure) in
            try Self.names(in: try OwnedDescriptor.directory(org.name, in: orgs.raw))
        }
    }

    /// Removes what an earlier broker left of temporary files and of workspaces without a key, of all orgs that ever
    /// were. At the start, before anything is made. What cannot be removed is reported and does not stop the start.
    package func sweepTemporaryFiles() throws(BackendError) -> SweepReport {
        try SystemFailure.advising("repair \(path)/v1/orgs, where the orgs' files are") { () throws(SystemFailure) in
            var report = SweepReport()
            for name in try Self.names(in: try OwnedDescriptor.directory(".", in: orgs.raw)) {
                let org = try OwnedDescriptor.directory(name, in: orgs.raw)
                let trash = try openTrash(in: org)
                for swept in [Self.temporaryName, Self.keylessName] {
                    _ = try TreeRemoval.move(swept, in: org.raw, to: trash.raw)
                }
                var removal = TreeRemoval(emptying: trash.raw)
                try removal.run()
                report.add(removal.report)
            }
            return report
        }
    }

    /// Whether any org ever had files here.
    func hasOrgs() throws(BackendError) -> Bool {
        try SystemFailure.advising("repair \(path)/v1/orgs, where the orgs' files are") { () throws(SystemFailure) in
            try !Self.names(in: try OwnedDescriptor.directory(".", in: orgs.raw)).isEmpty
        }
    }

    // MARK: -

    private var passableMode: mode_t { isPrivileged ? 0o711 : 0o700 }

    private func path(of org: Org) -> String { "\(path)/v1/orgs/\(org.name)" }

    private func makeOrgDirectory(_ name: String) throws(BackendError) -> OwnedDescriptor {
        try Name.validate(name, kind: "org")
        return try Self.directory(name, in: orgs.raw, beneath: "\(path)/v1/orgs", mode: passableMode)
    }

    private func openOrg(_ org: Org) throws(BackendError) -> OwnedDescriptor {
        try SystemFailure.concealing("cannot open the files of org \"\(org.name)\"") { () throws(SystemFailure) in
            try OwnedDescriptor.directory(org.name, in: orgs.raw)
        }
    }

    private func openKeyless(in org: borrowing OwnedDescriptor) throws(BackendError) -> OwnedDescriptor {
        try SystemFailure.concealing("cannot open the workspaces without a key") { () throws(SystemFailure) in
            try OwnedDescriptor.directory(Self.keylessName, in: org.raw)
        }
    }

    private func openTrash(in org: borrowing OwnedDescriptor) throws(SystemFailure) -> OwnedDescriptor {
        if mkdirat(org.raw, Self.trashName, 0o700) != 0, errno != EEXIST {
            throw SystemFailure("mkdir", Self.trashName)
        }
        return try OwnedDescriptor.directory(Self.trashName, in: org.raw)
    }

    private func discard(
        _ name: String,
        in directory: borrowing OwnedDescriptor,
        org: borrowing OwnedDescriptor
    ) throws(BackendError) -> SweepReport {
        try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            let trash = try openTrash(in: org)
            guard try TreeRemoval.move(name, in: directory.raw, to: trash.raw) else { return SweepReport() }
            var removal = TreeRemoval(emptying: trash.raw)
            try removal.run()
            return removal.report
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
