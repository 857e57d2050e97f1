import AgentBackend
import ArgumentParser
import BrokerClient

/// Works on the keys of a memory backend.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "List and remove the keys that a memory backend holds.",
        discussion: "They are on the memory backend unless --backend says otherwise: others have no keys.",
        subcommands: [List.self, Remove.self, Clear.self]
    )

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the keys, one per line, in the order of their names.",
            discussion: """
                Keys are printed as they are; on a terminal, bytes that are no printable text are shown as \\xNN. With \
                --json one object per line: key or, for what is no UTF-8 text, key_base64.
                """
        )

        @OptionGroup var client: ClientOptions
        @Argument(help: "Only keys that begin with this.")
        var prefix: ByteArgument?

        func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
            let target = try client.target(defaultBackend: .memory)
            var lines = LineOutput(output)
            for try await key in connection.keys(prefix: prefix?.bytes ?? [], on: target) {
                if output.asJSON {
                    var line = JSONLine()
                    line.add("key", orBase64: "key_base64", key.bytes)
                    try await lines.add(line)
                } else {
                    try await lines.add("", key.bytes)
                }
            }
            try await lines.flush()
            return .success
        }
    }

    struct Remove: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove one key, and nothing below it.",
            discussion: "One that is not there is no error. With --json one object: key, deleted."
        )

        @OptionGroup var client: ClientOptions
        @Argument(help: ArgumentHelp(valueName: "memory-key"))
        var path: ByteArgument

        func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
            let path = try client.path(path)
            let isDeleted = try await connection.deleteKey(path, on: try client.target(defaultBackend: .memory))
            guard output.asJSON else { return .success }
            var line = JSONLine()
            line.add("key", orBase64: "key_base64", path.bytes)
            line.add("deleted", isDeleted)
            try await output.print(line)
            return .success
        }
    }

    struct Clear: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "clear",
            abstract: "Remove all keys: of --scope, or all that there are.",
            discussion: "With --json one object: cleared."
        )

        @OptionGroup var client: ClientOptions

        func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
            let count = try await connection.clearKeys(on: try client.target(defaultBackend: .memory))
            guard output.asJSON else { return .success }
            var line = JSONLine()
            line.add("cleared", count)
            try await output.print(line)
            return .success
        }
    }
}
