internal import AgentBackend

struct CreateDirectoryTool: Tool {
    let definition = ToolDefinition(
        name: "create_directory",
        title: "Create Directory",
        description: "Create a new directory or ensure a directory exists. Can create multiple "
            + "nested directories in one operation. If the directory already exists, "
            + "this operation will succeed silently. Perfect for setting up directory "
            + "structures for projects or ensuring required paths exist. Only works within allowed directories.",
        input: Schema.object(["path": Schema.path]),
        output: Schema.content,
        annotations: .changes(isIdempotent: true, isDestructive: false)
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        try await context.backend.mkdir(try arguments.path("path"), options: MkdirOptions())
        return ToolResult("Successfully created directory \(try arguments.text("path"))")
    }
}
