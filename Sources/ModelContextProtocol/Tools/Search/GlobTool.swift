internal import AgentBackend

struct GlobTool: Tool {
    let definition = ToolDefinition(
        name: "glob",
        title: "Glob",
        description: "Find files by a pattern: * and ? within a name, ** for any directories, {a,b}, [a-z]. A pattern "
            + "without a slash matches names at any depth. Tells of a page at a time; give 'next' of one as 'after' for "
            + "the next.",
        input: Schema.object(
            [
                "pattern": Schema.text("Such as *.swift or src/**/*.{c,h}"),
                "path": Schema.text("The directory to search").by(default: .string(WorkspacePath.rootName)),
                "all": Schema.flag("Directories and links too, not only files").by(default: false),
                "hidden": Schema.flag("Let * match a leading dot").by(default: false),
                "after": Schema.text("Only what comes after this path"),
                "limit": Schema.integer("At most so many"),
            ],
            optional: ["path", "all", "hidden", "after", "limit"]
        ),
        output: Schema.object(
            [
                "files": Schema.list(Schema.object(["path": Schema.text(), "type": Schema.text()])),
                "next": Schema.text("There may be more, after this path; not there when all was told"),
            ],
            optional: ["next"]
        ),
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let pattern = try GlobPattern(try arguments.text("pattern"))
        var options = GlobOptions(
            path: try arguments.optionalPath("path") ?? .root,
            includesAllKinds: try arguments.flag("all"),
            includesHidden: try arguments.flag("hidden"),
            after: try arguments.optionalPath("after"),
            limit: Int(clamping: try arguments.optionalCount("limit") ?? 0)
        )
        var lines = BoundedText(context.limits.resultBytes)
        var files: [JSONValue] = []
        var next: WorkspacePath?
        pages: while true {
            let page = try await context.backend.glob(pattern, options: options)
            for file in page.files {
                guard lines.add(line: file.path.description) else { break pages }
                files.append([
                    "path": .string(file.path.description), "type": .string(file.kind?.toolName ?? "unknown"),
                ])
                next = file.path
            }
            next = page.next
            // A page may be empty and yet not be the last.
            guard files.isEmpty, page.next != nil else { break }
            options.after = page.next
        }
        var result = JSONObject()
        result["files"] = .array(files)
        result["next"] = next.map { .string($0.description) }
        let more = next.map { "[there may be more: go on with after \($0)]" }
        let text = lines.text.isEmpty ? "No matches found" : lines.text
        return ToolResult(content: [text, more].compactMap { $0 }.map(ToolResult.block), structured: .object(result))
    }
}

extension FileInfo.Kind {
    /// As answers name it.
    var toolName: String {
        switch self {
        case .regular: "file"
        case .directory: "directory"
        case .symbolicLink: "symlink"
        case .fifo: "fifo"
        case .socket: "socket"
        case .characterDevice: "char_device"
        case .blockDevice: "block_device"
        }
    }
}
