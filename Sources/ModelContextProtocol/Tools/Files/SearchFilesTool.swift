internal import AgentBackend

struct SearchFilesTool: Tool {
    let definition = ToolDefinition(
        name: "search_files",
        title: "Search Files",
        description: "Recursively search for files and directories matching a pattern. "
            + "The patterns should be glob-style patterns that match paths relative to the working directory. "
            + "Use pattern like '*.ext' to match files in current directory, and '**/*.ext' to match files in all "
            + "subdirectories. "
            + "Returns full paths to all matching items. Great for finding files when you don't know their exact location. "
            + "Only searches within allowed directories.",
        input: Schema.object(
            [
                "path": Schema.path, "pattern": Schema.text(),
                "excludePatterns": Schema.list(Schema.text()).by(default: []),
            ],
            optional: ["excludePatterns"]
        ),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let root = try arguments.path("path")
        // A leading slash: from the directory on that is searched, also where the pattern has no other.
        let pattern = try GlobPattern("/\(try arguments.text("pattern"))")
        let excludes = try arguments.texts("excludePatterns").map { text throws(BackendError) in
            try GlobPattern("/\(text)")
        }
        var options = TreeOptions(path: root, excludes: excludes, includesHidden: true, includesVersionControl: true)
        var found = BoundedText(context.limits.resultBytes)
        var last = root
        pages: while true {
            let page = try await context.backend.tree(options)
            for file in page.files {
                guard let inner = file.path.relative(to: root),
                    pattern.matches(inner, isDirectory: file.kind == .directory, includesHidden: true)
                else { continue }
                guard found.add(line: file.path.description) else { break pages }
                last = file.path
            }
            guard let next = page.next else { break }
            options.after = next
        }
        let note = found.isCut ? "[cut after \(last): go on with glob, after \(last), or narrow the pattern]" : nil
        return ToolResult(found.text.isEmpty ? "No matches found" : found.text, note: note)
    }
}
