internal import AgentBackend
internal import NIOCore

struct ExecInputTool: Tool {
    let definition = ToolDefinition(
        name: "exec_input",
        title: "Write Command Input",
        description: "Write to the standard input of a started command, and close it if asked to.",
        input: Schema.object(
            [
                "id": ExecIdentity.schema, "input": Schema.text("What to write; end a line with \\n").by(default: ""),
                "close": Schema.flag("Nothing more is written").by(default: false),
            ],
            optional: ["input", "close"]
        ),
        output: Schema.object(["written": Schema.integer("Bytes")]),
        annotations: .changes(isIdempotent: false, isDestructive: true),
        mayBeLong: true
    )

    /// For a command that does not read.
    private static let patience = Duration.seconds(30)

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let command = try arguments.command(in: context)
        guard command.end == nil else {
            throw BackendError(.notFound, message: "the command \(command.id) has ended: nobody reads its input")
        }
        let bytes = ByteBuffer(string: try arguments.optionalText("input") ?? "")
        let closes = try arguments.flag("close")
        if bytes.readableBytes > 0 { try await Self.write(bytes, to: command, context.clock) }
        if closes { command.closeInput() }
        return ToolResult(
            "wrote \(bytes.readableBytes) bytes" + (closes ? " and closed the input" : ""),
            structured: ["written": .integer(Int64(bytes.readableBytes))]
        )
    }

    private static func write(
        _ bytes: ByteBuffer,
        to command: HeldCommand,
        _ clock: any Clock<Duration>
    ) async throws(BackendError) {
        let result = await withTaskGroup(of: Result<Void, BackendError>.self) { group in
            group.addTask {
                do throws(BackendError) {
                    try await command.write(bytes)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await clock.sleep(for: patience)
                return .failure(
                    BackendError(
                        .deadlineExceeded,
                        message: "the command does not read its input: some of it may have been written",
                        maybeExecuted: true
                    )
                )
            }
            defer { group.cancelAll() }
            return await group.next() ?? .success(())
        }
        try result.get()
    }
}
