internal import AgentBackend

/// The variables that every command has, unless its own environment says otherwise.
struct CommandEnvironment {
    static let workspace = "/workspace"
    static let hostName = "sandbox"
    /// The user's name in the sandbox, whatever its id.
    static let userName = "agent"

    static func merged(
        _ own: Environment,
        shell: String,
        workingDirectory: [UInt8]
    ) throws(BackendError) -> Environment {
        // With SHELL unset bash looks the user up, through whatever libraries nsswitch.conf names.
        let defaults = try Environment([
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
            "HOME": workspace,
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "USER": userName,
            "SHELL": shell,
            "TMPDIR": "/tmp",
        ])
        var environment = defaults.merging(own)
        let beneath = workingDirectory.isEmpty ? [] : [UInt8(ascii: "/")] + workingDirectory
        try environment.set(Array("PWD".utf8), to: Array(workspace.utf8) + beneath)
        return environment
    }
}
