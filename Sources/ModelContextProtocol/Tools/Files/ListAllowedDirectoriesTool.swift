internal import AgentBackend

struct ListAllowedDirectoriesTool: Tool {
    let definition = ToolDefinition(
        name: "list_allowed_directories",
        title: "List Allowed Directories",
        description: "Returns the list of directories that this server is allowed to access. "
            + "Subdirectories within these allowed directories are also accessible. "
            + "Use this to understand which directories and their nested paths are available "
            + "before trying to access files.",
        input: Schema.object([:]),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        ToolResult("Allowed directories:\n\(WorkspacePath.rootName)")
    }
}
