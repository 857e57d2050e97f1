internal import AgentBackend

/// The user data base of a sandbox: root, the command's user, and nobody, whom the host's other users look like.
struct SandboxUser {
    let users: [UInt8]
    let groups: [UInt8]

    init(_ identity: HostIdentity, shell: String) {
        let name = CommandEnvironment.userName
        users = Array(
            """
            root:x:0:0:root:/:/usr/sbin/nologin
            \(name):x:\(identity.uid):\(identity.gid):\(name):\(CommandEnvironment.workspace):\(shell)
            nobody:x:65534:65534:nobody:/:/usr/sbin/nologin

            """.utf8
        )
        groups = Array(
            """
            root:x:0:
            \(name):x:\(identity.gid):
            nogroup:x:65534:

            """.utf8
        )
    }
}
