import AgentBackend
import ArgumentParser
import BrokerClient

/// Makes a symbolic link.
struct LinkCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ln",
        abstract: "Make a symbolic link in the workspace, to a place in it.",
        discussion: """
            The target is relative to the directory of the link, or beneath /workspace; the link itself is relative in \
            any case. Directories above the link are made. With --json one object: path.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Flag(name: .shortAndLong, help: "A symbolic link. Has to be given: there are no others.")
    var symbolic = false
    @Argument(help: ArgumentHelp(valueName: "target")) var linkTarget: ByteArgument
    @Argument(help: ArgumentHelp(valueName: "link")) var path: ByteArgument

    func validate() throws {
        guard symbolic else { throw ValidationError("only symbolic links can be made: say ln -s") }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        try await connection.symlink(
            path,
            to: try LinkTarget(linkTarget.bytes),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        try await output.print(line)
        return .success
    }
}
