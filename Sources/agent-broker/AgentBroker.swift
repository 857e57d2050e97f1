import AgentBackend
import ArgumentParser
import BrokerServer
import Glibc

/// The command: a broker, and a client of one.
@main
struct AgentBroker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent-broker",
        abstract: "Serve workspaces to agents, or work in one.",
        discussion: """
            --address, --token, --key, --scope, --backend, --json and those of TLS may stand before or after the \
            command's name. AGENT_BROKER_ADDRESS and AGENT_BROKER_TOKEN are the defaults of --address and --token; \
            AGENT_BROKER_TLS=1, AGENT_BROKER_TLS_CA, AGENT_BROKER_TLS_CERT and AGENT_BROKER_TLS_KEY those of TLS.

            Exit status:
            \(ExitStatus.help)
            """,
        version: BrokerVersion.current,
        subcommands: [
            ServeCommand.self,
            MCPCommand.self,
            ExecCommand.self,
            ShellCommand.self,
            ProcessesCommand.self,
            AttachCommand.self,
            WaitCommand.self,
            KillCommand.self,
            ReadCommand.self,
            LinesCommand.self,
            WriteCommand.self,
            EditCommand.self,
            ListCommand.self,
            StatCommand.self,
            ExistsCommand.self,
            GlobCommand.self,
            GrepCommand.self,
            TreeCommand.self,
            DiskUsageCommand.self,
            ChecksumCommand.self,
            UploadCommand.self,
            DownloadCommand.self,
            ArchiveCommand.self,
            ExtractCommand.self,
            WatchCommand.self,
            TouchCommand.self,
            MakeDirectoryCommand.self,
            LinkCommand.self,
            ChangeModeCommand.self,
            MoveCommand.self,
            CopyCommand.self,
            RemoveCommand.self,
            KeysCommand.self,
            ScopesCommand.self,
            WorkspaceCommand.self,
            StatsCommand.self,
            PoolsCommand.self,
            EntriesCommand.self,
            TopCommand.self,
            ConnectionsCommand.self,
            LogsCommand.self,
            ReloadCommand.self,
            DrainCommand.self,
            DoctorCommand.self,
            AuditCommand.self,
            TokenCommand.self,
            MetricsCommand.self,
            VersionCommand.self,
        ]
    )

    static func main() async {
        StandardDescriptors.ensureOpen()
        let arguments = ArgumentOrder.normalized(ProcessArguments.all)
        do {
            try checkSubcommand(arguments)
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let status as ExitCode {
            // It said already what there was to say.
            exit(withError: status)
        } catch {
            if exitCode(for: error) == .validationFailure, ArgumentOrder.ownArguments(of: arguments).contains("--json")
            {
                ExitStatus.report(
                    BackendError(.invalidArgument, message: message(for: error), operation: "usage"),
                    asJSON: true
                )
                exit(withError: ExitCode.validationFailure)
            }
            exit(withError: error)
        }
    }
    /// The parser would complain of the options behind a name that it does not know.
    private static func checkSubcommand(_ arguments: [String]) throws {
        guard let name = arguments.first, !name.isEmpty, !name.hasPrefix("-"), name != "help" else { return }
        guard !configuration.subcommands.contains(where: { $0._commandName == name }) else { return }
        throw ValidationError("no subcommand '\(name)'")
    }
}
