internal import ArgumentParser

@main
struct LoadTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Measures agent-broker from outside.",
        subcommands: [
            EchoCommand.self, FilesCommand.self, CompareEchoCommand.self, CompareFilesCommand.self,
            ComparePoolCommand.self, CompareFairnessCommand.self, CompareStartCommand.self,
            CompareMemoryCommand.self, CompareGrowthCommand.self,
            TortureMixedCommand.self,
        ]
    )

    /// On the main thread, before there is another one: what a command does about signals holds for those that follow.
    @MainActor
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}
