import AgentBackend
import ArgumentParser
import BrokerClient
import BrokerServer
import Glibc
import LocalBackend
import ModelContextProtocol

/// Speaks the Model Context Protocol on its standard streams.
struct MCPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp",
        abstract: "Serve a workspace to a client of MCP that starts this as its server.",
        discussion: """
            With --key the workspace of a broker; with --root a directory of this host, without a broker: run by root, \
            it works as the owner of the directory. Messages come and go on the standard streams, one to a line. It \
            ends with its input.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("Serve this directory of the host in place of a broker's workspace.", valueName: "dir"))
    var root: String?

    func run() async throws {
        let status = await InterruptibleRun(asJSON: client.json).status { try await serve() }
        throw ExitCode(status.rawValue)
    }

    private func serve() async throws -> ExitStatus {
        guard let root else {
            let configuration = try client.backendConfiguration(clientName: "agent-broker-mcp")
            return try await RemoteFilesystemBackend.withBackend(configuration) { backend in
                try await Self.converse(backend)
            }
        }
        guard client.key == nil, client.address == nil else {
            throw ClientOptions.usage("--root is about a directory of this host: leave out --key and --address")
        }
        let directory = try Self.existing(root)
        var configuration = LocalRuntime.Configuration()
        // Nothing is done as root for a model: a directory of root's has files alone.
        if geteuid() == 0 { configuration.identity = HostIdentity(ownerOf: directory) }
        return try await LocalRuntime.withRuntime(configuration) { runtime in
            let backend = try LocalFilesystemBackend(.init(rootDirectory: directory), runtime: runtime)
            do {
                let status = try await Self.converse(backend)
                await backend.destroy()
                return status
            } catch {
                await backend.destroy()
                throw error
            }
        }
    }

    /// Its absolute name. A directory that is misspelt is not to be made.
    private static func existing(_ path: String) throws(BackendError) -> String {
        guard let name = realpath(path, nil) else {
            throw BackendError(
                .invalidArgument,
                systemErrno: errno,
                message: "--root \(path): \(String(cString: strerror(errno)))"
            )
        }
        defer { free(name) }
        return String(cString: name)
    }

    private static func converse(_ backend: any Backend) async throws -> ExitStatus {
        let (input, output) = (try Descriptor(STDIN_FILENO), try Descriptor(STDOUT_FILENO))
        let commands = HeldCommands()
        let context = ToolContext(backend: backend, commands: commands, owner: HeldCommands.Owner())
        let conversation = LineConversation(ToolServer(version: BrokerVersion.current), context)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await commands.run() }
            try await conversation.run(reading: input.contents) { line in try await output.write(line) }
            group.cancelAll()
        }
        return .success
    }
}
