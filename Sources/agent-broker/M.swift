import AgentBackend
import ArgumentParser
import Glibc
@main struct M: AsyncParsableCommand { static let configuration = CommandConfiguration(commandName: "agent-broker", subcommands: [ServeCommand.self]) }
struct ExitStatus { var rawValue: Int32 = 1; init(_ e: BackendError) {}; static func report(_ e: BackendError, asJSON: Bool) { print(e) } }
