internal import AgentBackend

struct ExecStartTool: Tool {
    let definition = ToolDefinition(
        name: "exec_start",
        title: "Start Command",
        description:
            "Start a shell command that goes on by itself, such as a server or a long build, and return its id. "
            + "Read what it writes with exec_output, type at it with exec_input, end it with exec_kill. It ends with the "
            + "connection to the workspace at the latest.",
        input: CommandArguments.schema,
        output: Schema.object(["id": Schema.integer("Names the command"), "isolation": Schema.text()]),
        annotations: .changes(isIdempotent: false, isDestructive: true)
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let request = try CommandArguments.request(arguments)
        let command = try await context.commands.start(request, in: context.backend, of: context.owner)
        return ToolResult(
            "started as command \(command.id)",
            structured: ["id": .count(command.id), "isolation": .string(command.isolation)]
        )
    }
}
