internal import AgentBackend

/// The variables that every command has, unless its own environment says otherwise.
struct CommandEnvironment {
    static let workspace = "/workspace"
    static let hostName = "sandbox"
    /// The user's name in the sandbox, whatever its id.
    static let userName = "agent"

    /// Where a command finds its scope.
    struct Home {
        let path: [UInt8]
        let hasOwnTemporaryDirectory: Bool

        static let inSandbox = Home(path: Array(workspace.utf8), hasOwnTemporaryDirectory: true)

        static func inHost(_ path: [UInt8]) -> Home { Home(path: path, hasOwnTemporaryDirectory: false) }
    }

    static func merged(
        _ own: Environment,
        shell: String,
        home: Home,
        workingDirectory: [UInt8]
    ) throws(BackendError) -> Environment {
        // With SHELL unset bash looks the user up, through whatever libraries nsswitch.conf names.
        var defaults = try Environment([
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "USER": userName,
            "SHELL": shell,
        ])
        try defaults.set(Array("HOME".utf8), to: home.path)
        // In the host each command gets one of its own, whose name its agent tells it.
        if home.hasOwnTemporaryDirectory { try defaults.set(Array("TMPDIR".utf8), to: Array("/tmp".utf8)) }
        var environment = defaults.merging(own)
        let beneath = workingDirectory.isEmpty ? [] : [UInt8(ascii: "/")] + workingDirectory
        try environment.set(Array("PWD".utf8), to: home.path + beneath)
        return environment
    }
}
