internal import AgentBackend

/// Files of a sandbox's /etc that are not the host's: they tell of nothing but the sandbox.
enum SystemFiles {
    static let paths = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"]

    /// What is in them, in the same order.
    static func contents(for identity: HostIdentity, shell: String) -> [String] {
        let name = CommandEnvironment.userName
        return [
            // Root, the command's user, and nobody, whom the host's other users look like.
            """
            root:x:0:0:root:/:/usr/sbin/nologin
            \(name):x:\(identity.uid):\(identity.gid):\(name):\(CommandEnvironment.workspace):\(shell)
            nobody:x:65534:65534:nobody:/:/usr/sbin/nologin

            """,
            """
            root:x:0:
            \(name):x:\(identity.gid):
            nogroup:x:65534:

            """,
            """
            127.0.0.1 localhost \(CommandEnvironment.hostName)
            ::1 localhost ip6-localhost ip6-loopback

            """,
            // Files and DNS alone: what else the host looks names up in would cost every program libraries for it.
            """
            passwd: files
            group: files
            hosts: files dns
            services: files
            protocols: files

            """,
            "# There is no network but the loopback.\n",
        ]
    }
}
