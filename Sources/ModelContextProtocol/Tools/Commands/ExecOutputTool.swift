internal import AgentBackend
internal import NIOCore

struct ExecOutputTool: Tool {
    let definition = ToolDefinition(
        name: "exec_output",
        title: "Read Command Output",
        description: "Read what a started command wrote, from an offset of each stream on. Give 'stdoutNext' and "
            + "'stderrNext' of one answer as offsets for the next. Only the last bytes of each stream are kept.",
        input: Schema.object(
            [
                "id": ExecIdentity.schema,
                "stdoutOffset": Schema.integer("Byte of standard output to begin at").by(default: 0),
                "stderrOffset": Schema.integer("Byte of standard error to begin at").by(default: 0),
                "wait": Schema.number("Seconds to wait for more where there is none yet, at most 60").by(default: 0),
            ],
            optional: ["stdoutOffset", "stderrOffset", "wait"]
        ),
        output: Schema.object(
            [
                "stdout": Schema.text(), "stderr": Schema.text(),
                "stdoutNext": Schema.integer("The offset to read on at"), "stderrNext": Schema.integer(),
                "stdoutMissing": Schema.integer("Bytes before these that are kept no more"),
                "stderrMissing": Schema.integer(), "running": Schema.flag(),
                "exitCode": Schema.integer("Of one that has ended by itself"),
                "outcome": Schema.text("Of one that has ended"),
            ],
            optional: ["exitCode", "outcome"]
        ),
        annotations: .reads,
        mayBeLong: true
    )

    private static let longestWait = Duration.seconds(60)

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let command = try arguments.command(in: context)
        let offsets = StreamOffsets(
            standardOutput: try arguments.optionalCount("stdoutOffset") ?? 0,
            standardError: try arguments.optionalCount("stderrOffset") ?? 0
        )
        if let wait = try arguments.optionalSeconds("wait") {
            await Self.wait(for: command, beyond: offsets, atMost: min(wait, Self.longestWait), context.clock)
        }
        // Asked for first: what is written before the end is told with it.
        let end = command.end
        let maximum = context.limits.resultBytes / 2
        let output = command.read(.standardOutput, from: offsets.standardOutput, upTo: maximum)
        let error = command.read(.standardError, from: offsets.standardError, upTo: maximum)
        var structured = JSONObject()
        structured["stdout"] = .string(String(buffer: output.bytes))
        structured["stderr"] = .string(String(buffer: error.bytes))
        structured["stdoutNext"] = .count(output.next)
        structured["stderrNext"] = .count(error.next)
        structured["stdoutMissing"] = .count(output.missing)
        structured["stderrMissing"] = .count(error.missing)
        structured["running"] = .bool(end == nil)
        structured["exitCode"] = end?.outcome.exitCode.map { .integer(Int64($0)) }
        structured["outcome"] = end.map { .string($0.outcome.name) }
        var blocks = [output.bytes, error.bytes].filter { $0.readableBytes > 0 }
            .map { ToolResult.block(String(buffer: $0)) }
        let state = end.map { $0.outcome.exitCode.map { "exit code \($0)" } ?? $0.outcome.name } ?? "running"
        blocks.append(
            ToolResult.block("[\(state); go on with stdoutOffset \(output.next), stderrOffset \(error.next)]")
        )
        return ToolResult(content: blocks, structured: .object(structured))
    }

    private static func wait(
        for command: HeldCommand,
        beyond offsets: StreamOffsets,
        atMost time: Duration,
        _ clock: any Clock<Duration>
    ) async {
        await withTaskGroup { group in
            group.addTask { await command.waitForMore(than: offsets) }
            group.addTask { try? await clock.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }
}

/// The argument that names a command.
enum ExecIdentity {
    static let schema = Schema.integer("As exec_start and exec_list tell it")
}
