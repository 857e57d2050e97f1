internal import AgentBackend

struct DirectoryTreeTool: Tool {
    let definition = ToolDefinition(
        name: "directory_tree",
        title: "Directory Tree",
        description: "Get a recursive tree view of files and directories as a JSON structure. "
            + "Each entry includes 'name', 'type' (file/directory), and 'children' for directories. "
            + "Files have no children array, while directories always have a children array (which may be empty). "
            + "The output is formatted with 2-space indentation for readability. Only works within allowed directories.",
        input: Schema.object(
            ["path": Schema.path, "excludePatterns": Schema.list(Schema.text()).by(default: [])],
            optional: ["excludePatterns"]
        ),
        output: Schema.content,
        annotations: .reads
    )

    /// A directory whose contents are being gathered.
    private struct Level {
        var path: WorkspacePath
        var children: [JSONValue] = []
    }

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let root = try arguments.path("path")
        let excludes = try Self.excludes(try arguments.texts("excludePatterns"))
        var options = TreeOptions(path: root, excludes: excludes, includesHidden: true, includesVersionControl: true)
        var levels = [Level(path: root)]
        var room = context.limits.resultBytes
        var note: String?
        pages: while true {
            let page = try await context.backend.tree(options)
            for file in page.files {
                guard let (parent, name) = file.path.parentAndName else { continue }
                while levels.count > 1, levels[levels.count - 1].path != parent { Self.close(&levels) }
                room -= name.count + levels.count * 8 + 60
                guard room >= 0 else {
                    note = "[cut before \(file.path): ask for one of the directories, or exclude some]"
                    break pages
                }
                if file.kind == .directory {
                    levels.append(Level(path: file.path))
                } else {
                    levels[levels.count - 1].children.append(
                        ["name": .string(WorkspacePath.printable(name)), "type": "file"]
                    )
                }
            }
            guard let next = page.next else { break }
            options.after = next
        }
        while levels.count > 1 { Self.close(&levels) }
        return ToolResult(JSONValue.array(levels[0].children).indented, note: note)
    }

    /// All that is in the innermost directory was told of.
    private static func close(_ levels: inout [Level]) {
        let level = levels.removeLast()
        levels[levels.count - 1].children.append([
            "name": .string(WorkspacePath.printable(level.path.parentAndName?.name ?? [])), "type": "directory",
            "children": .array(level.children),
        ])
    }

    /// As the official server has them: one without a star also matches further down.
    private static func excludes(_ patterns: [String]) throws(BackendError) -> [GlobPattern] {
        var excludes: [GlobPattern] = []
        for pattern in patterns {
            excludes.append(try GlobPattern("/\(pattern)"))
            if !pattern.contains("*") { excludes.append(try GlobPattern("**/\(pattern)")) }
        }
        return excludes
    }
}
