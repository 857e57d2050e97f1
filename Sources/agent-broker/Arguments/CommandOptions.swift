import AgentBackend
import ArgumentParser
import BrokerClient

/// What every command takes that runs another one in a workspace.
struct CommandOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Set a variable of its environment; may be given again.", valueName: "name=value"))
    var env: [ByteArgument] = []
    @Option(help: ArgumentHelp("Kill it after this time, such as 500ms, 5s or 2m.", valueName: "time"))
    var timeout: TimeArgument?
    @OptionGroup var limits: LimitOptions
    @Option(help: ArgumentHelp("Run it in this directory of the workspace.", valueName: "dir"))
    var cwd: ByteArgument?

    /// One word is a line for the shell, several are a command and its arguments.
    func request(_ command: [[UInt8]]) throws(BackendError) -> ExecRequest {
        var environment = Environment()
        for variable in env {
            guard let equals = variable.bytes.firstIndex(of: UInt8(ascii: "=")) else {
                throw ClientOptions.usage("--env wants NAME=VALUE")
            }
            try environment.set(Array(variable.bytes[..<equals]), to: Array(variable.bytes[(equals + 1)...]))
        }
        return ExecRequest(
            command.count == 1 ? .shellLine(command[0]) : .arguments(command),
            environment: environment,
            workingDirectory: try cwd.map { (cwd) throws(BackendError) in try WorkspacePath(cwd.bytes) } ?? .root,
            timeout: timeout?.duration,
            limits: limits.limits,
            network: limits.network
        )
    }
}

extension ClientOptions {
    /// Runs `body` on the key's workspace; without --key on a fresh one, which is gone afterwards.
    func withWorkspace<Value>(
        of connection: BrokerConnection,
        _ body: (BrokerTarget) async throws -> Value
    ) async throws -> Value {
        let target = try target(isKeyOptional: true)
        guard target.key.isEmpty else { return try await body(target) }
        return try await connection.withLease(on: target) { fresh in try await body(fresh) }
    }
}
