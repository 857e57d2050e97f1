internal import AgentBackend

struct ExecKillTool: Tool {
    let definition = ToolDefinition(
        name: "exec_kill",
        title: "End Command",
        description:
            "End a started command with all that it started: SIGTERM, and SIGKILL a little later. With 'signal', "
            + "only send that.",
        input: Schema.object(
            ["id": ExecIdentity.schema, "signal": Schema.integer("The number of a signal, such as 2 for Ctrl-C")],
            optional: ["signal"]
        ),
        output: Schema.object(
            [
                "running": Schema.flag(), "exitCode": Schema.integer("Where it ended by itself"),
                "outcome": Schema.text("Where it has ended"),
            ],
            optional: ["exitCode", "outcome"]
        ),
        annotations: .changes(isIdempotent: true, isDestructive: true)
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let command = try arguments.command(in: context)
        var end = command.end
        if let signal = try arguments.optionalCount("signal") {
            try await command.signal(Int32(clamping: signal))
        } else if end == nil {
            command.terminate()
            end = await command.waitForEnd()
        }
        var structured = JSONObject()
        structured["running"] = .bool(end == nil)
        structured["exitCode"] = end?.outcome.exitCode.map { .integer(Int64($0)) }
        structured["outcome"] = end.map { .string($0.outcome.name) }
        let text = end.map { "the command has ended: \($0.outcome.name)" } ?? "the signal was sent"
        return ToolResult(text, structured: .object(structured))
    }
}
