import AgentBackend
import ArgumentParser
import BrokerServer

/// Makes tokens.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make tokens for clients.",
        subcommands: [New.self]
    )

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new",
            abstract: "Make a token and print it, this once, with the lines for the broker's configuration.",
            discussion: """
                The broker keeps only the hash. With --json one object: org, name, id, token, hash, role.
                """
        )

        @Option(help: "The tenant that it speaks for.")
        var org: String
        @Option(help: "What it is called in the configuration and in logs.")
        var name: String
        @Option(help: "agent, for workspaces, or operator, which sees all orgs and reaches no workspace.")
        var role = TokenRole.agent
        @Flag(help: "Print JSON, also for errors.")
        var json = false

        func run() async throws {
            let status = await InterruptibleRun(asJSON: json).status { [org, name, role, json] in
                let output = try CommandOutput(asJSON: json)
                let issued = try IssuedToken(org: org, name: name, role: role)
                if json {
                    try await output.print(Self.json(issued))
                } else {
                    try await output.print(Self.text(issued))
                }
                return .success
            }
            throw ExitCode(status.rawValue)
        }

        private static func json(_ issued: IssuedToken) -> JSONLine {
            var line = JSONLine()
            line.add("org", issued.org)
            line.add("name", issued.name)
            line.add("id", issued.id)
            line.add("token", issued.token)
            line.add("hash", issued.hash)
            line.add("role", issued.role.rawValue)
            return line
        }

        private static func text(_ issued: IssuedToken) -> String {
            """
            \(issued.token)

            This is the only time that it is shown. Beneath "tokens:" of the org "\(issued.org)" in the configuration:

            \(issued.yaml)
            """
        }
    }
}

extension TokenRole: ExpressibleByArgument {}
