internal import ArgumentParser

@main
struct LoadTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Measures agent-broker from outside.",
        subcommands: [
            RunCommand.self, CompareCommand.self, PeersCommand.self, RunGeneratorCommand.self,
            EchoCommand.self, FilesCommand.self, ExecCommand.self, CompareEchoCommand.self, CompareFilesCommand.self,
            ComparePoolCommand.self, CompareFairnessCommand.self, CompareStartCommand.self,
            CompareMemoryCommand.self, CompareGrowthCommand.self, CompareGrpcCommand.self, CompareExecCommand.self,
            CompareSearchCommand.self, CompareBystanderCommand.self, CompareTransferCommand.self,
            CompareAuditCommand.self, TortureMixedCommand.self, TortureExecCommand.self,
        ]
    )
}
