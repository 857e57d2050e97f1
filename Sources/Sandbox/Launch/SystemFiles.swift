internal import AgentBackend
internal import Glibc

/// Files of a sandbox's /etc that are not the host's: they tell of nothing but the sandbox.
enum SystemFiles {
    static let paths = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"]

    /// Where bubblewrap writes one of them that a link in its place leads to.
    static func generated(_ path: String) -> String { "/run" + path }

    /// What is in them, in the same order.
    static func contents(for identity: HostIdentity, shell: String, _ network: CommandNetwork) -> [String] {
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
            network == .host ? resolvers : "# There is no network but the loopback.\n",
        ]
    }

    /// The host's, where commands can reach them.
    private static var resolvers: String {
        guard let file = try? OwnedDescriptor.made(by: "open", Glibc.open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC))
        else { return "" }
        return String(decoding: file.readAll(), as: UTF8.self)
    }
}
