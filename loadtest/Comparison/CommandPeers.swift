/// Those whose commands are measured beside the broker's: programs that run `bash -c 'echo hi'` by themselves.
struct CommandPeers {
    /// Path of `limit-exec`.
    let limit: String
    /// Path of bubblewrap.
    let bubblewrap: String
    let python: PythonPeers
    let sweRexServer: SweRexServer
    /// For their files and their output.
    let directory: String

    static let limitName = "limit"

    /// bash alone.
    func limit(calls: Int) -> ProgramLoad {
        limit(Self.limitName, ["/bin/bash", "-c", LoadCommand.hello.shellLine], LoadCommand.hello.output, calls)
    }

    /// A sandbox for each command, by the options that the seed gives bubblewrap.
    func limitInBubblewrap(calls: Int) -> ProgramLoad {
        let shell = ["bash", "-c", LoadCommand.hello.shellLine]
        return limit("limit + bwrap", sandboxed(shell), LoadCommand.hello.output, calls)
    }

    /// The same, for next to nothing.
    var emptySandbox: ProgramLoad {
        limit("bwrap true", sandboxed(["true"]), "", 1)
    }

    func seed(_ isolation: SeedIsolation, calls: Int) -> ProgramLoad {
        let arguments = [isolation.rawValue, "--directory", "\(directory)/seed", "--calls", "\(calls)"]
        return python.driver(isolation.name, "seed_exec", arguments, in: directory)
    }

    func sweRex(_ client: PythonPeers.SweRexClient, calls: Int) -> ProgramLoad {
        python.sweRex(client, "exec", at: sweRexServer, ["--calls", "\(calls)"], in: directory)
    }

    enum SeedIsolation: String {
        case none
        case bwrap

        /// Of the contestant.
        var name: String {
            switch self {
            case .none: "seed"
            case .bwrap: "seed + bwrap"
            }
        }
    }

    private func sandboxed(_ command: [String]) -> [String] {
        let system = ["/usr", "/lib", "/lib64", "/bin", "/sbin"].flatMap { ["--ro-bind", $0, $0] }
        let workspace = "/tmp/agentbe-workspace"
        return [bubblewrap, "--tmpfs", "/tmp"] + system + ["--bind", directory, workspace, "--chdir", workspace]
            + ["--unshare-all", "--share-net", "--die-with-parent", "--dev", "/dev", "--proc", "/proc", "--"] + command
    }

    private func limit(_ name: String, _ command: [String], _ output: String, _ calls: Int) -> ProgramLoad {
        ProgramLoad(
            name: name,
            executable: limit,
            arguments: ["--calls", "\(calls)", "--output", output, "--directory", directory]
                + command.flatMap { ["--argument", $0] },
            directory: directory
        )
    }
}
