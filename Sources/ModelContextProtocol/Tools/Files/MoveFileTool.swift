internal import AgentBackend

/// Never replaces what is there, as its description promises: that is the kernel's to see to, in one step.
struct MoveFileTool: Tool {
    let definition = ToolDefinition(
        name: "move_file",
        title: "Move File",
        description: "Move or rename files and directories. Can move files between directories "
            + "and rename them in a single operation. If the destination exists, the "
            + "operation will fail. Works across different directories and can be used "
            + "for simple renaming within the same directory. Both source and destination must be within allowed "
            + "directories.",
        input: Schema.object(["source": Schema.path, "destination": Schema.path]),
        output: Schema.content,
        annotations: .changes(isIdempotent: false, isDestructive: false)
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let (source, destination) = (try arguments.path("source"), try arguments.path("destination"))
        try await context.backend.rename(source, to: destination, options: RenameOptions(replacesExisting: false))
        return ToolResult(
            "Successfully moved \(try arguments.text("source")) to \(try arguments.text("destination"))"
        )
    }
}
