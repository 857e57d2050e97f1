internal import AgentBackend

struct ExecListTool: Tool {
    let definition = ToolDefinition(
        name: "exec_list",
        title: "List Commands",
        description: "List the commands that were started with exec_start: those that run, and the last that ended.",
        input: Schema.object([:]),
        output: Schema.object([
            "commands": Schema.list(
                Schema.object(
                    [
                        "id": Schema.integer(), "command": Schema.text(),
                        "startedMs": Schema.integer("Milliseconds since 1970-01-01 UTC"), "running": Schema.flag(),
                        "stdoutBytes": Schema.integer("Written so far"), "stderrBytes": Schema.integer(),
                        "exitCode": Schema.integer("Of one that ended by itself"),
                        "outcome": Schema.text("Of one that has ended"),
                    ],
                    optional: ["exitCode", "outcome"]
                )
            )
        ]),
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let commands = context.commands.commands(of: context.owner)
        let lines = commands.map { command in
            let state =
                command.end.map { $0.outcome.exitCode.map { "exit code \($0)" } ?? $0.outcome.name } ?? "running"
            return "\(command.id) [\(state)] \(WorkspacePath.printable(command.line))"
        }
        return ToolResult(
            lines.isEmpty ? "No commands" : lines.joined(separator: "\n"),
            structured: ["commands": .array(commands.map(Self.json))]
        )
    }

    private static func json(_ command: HeldCommand) -> JSONValue {
        let (end, written) = (command.end, command.written)
        var object = JSONObject()
        object["id"] = .count(command.id)
        object["command"] = .string(WorkspacePath.printable(command.line))
        object["startedMs"] = .integer(command.startedNanoseconds / 1_000_000)
        object["running"] = .bool(end == nil)
        object["stdoutBytes"] = .count(written.standardOutput)
        object["stderrBytes"] = .count(written.standardError)
        object["exitCode"] = end?.outcome.exitCode.map { .integer(Int64($0)) }
        object["outcome"] = end.map { .string($0.outcome.name) }
        return .object(object)
    }
}
