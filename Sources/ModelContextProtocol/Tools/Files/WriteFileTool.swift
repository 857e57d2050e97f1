internal import AgentBackend
internal import NIOCore

struct WriteFileTool: Tool {
    let definition = ToolDefinition(
        name: "write_file",
        title: "Write File",
        description: "Create a new file or completely overwrite an existing file with new content. "
            + "Use with caution as it will overwrite existing files without warning. "
            + "Handles text content with proper encoding. Only works within allowed directories.",
        input: Schema.object(["path": Schema.path, "content": Schema.text()]),
        output: Schema.content,
        annotations: .changes(isIdempotent: true, isDestructive: true)
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let content = ByteBuffer(string: try arguments.text("content"))
        try await context.backend.write(try arguments.path("path"), content, options: WriteOptions())
        return ToolResult("Successfully wrote to \(try arguments.text("path"))")
    }
}
