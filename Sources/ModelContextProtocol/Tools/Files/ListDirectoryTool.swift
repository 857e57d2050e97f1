internal import AgentBackend

struct ListDirectoryTool: Tool {
    let definition = ToolDefinition(
        name: "list_directory",
        title: "List Directory",
        description: "Get a detailed listing of all files and directories in a specified path. "
            + "Results clearly distinguish between files and directories with [FILE] and [DIR] "
            + "prefixes. This tool is essential for understanding directory structure and "
            + "finding specific files within a directory. Only works within allowed directories.",
        input: Schema.object(["path": Schema.path]),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let listing = try await DirectoryListing(try arguments.path("path"), in: context)
        return ToolResult(listing.entries.map(\.line).joined(separator: "\n"), note: listing.note)
    }
}

struct ListDirectoryWithSizesTool: Tool {
    let definition = ToolDefinition(
        name: "list_directory_with_sizes",
        title: "List Directory with Sizes",
        description: "Get a detailed listing of all files and directories in a specified path, including sizes. "
            + "Results clearly distinguish between files and directories with [FILE] and [DIR] "
            + "prefixes. This tool is useful for understanding directory structure and "
            + "finding specific files within a directory. Only works within allowed directories.",
        input: Schema.object(
            [
                "path": Schema.path,
                "sortBy": Schema.text("Sort entries by name or size").with("enum", ["name", "size"]).by(
                    default: "name"
                ),
            ],
            optional: ["sortBy"]
        ),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let listing = try await DirectoryListing(try arguments.path("path"), in: context)
        var entries = listing.entries
        switch try arguments.optionalText("sortBy") ?? "name" {
        case "name": break
        case "size": entries.sort { $0.size > $1.size }
        default:
            throw BackendError(.invalidArgument, message: "the argument sortBy has to be \"name\" or \"size\"")
        }
        let files = entries.filter { !$0.isDirectory }
        var lines = entries.map { entry in
            "\(Self.padded(entry.line, atEnd: true, to: 30 + entry.mark.count + 1)) "
                + (entry.isDirectory ? "" : Self.padded(Self.size(entry.size), atEnd: false, to: 10))
        }
        lines += [
            "", "Total: \(files.count) files, \(entries.count - files.count) directories",
            "Combined size: \(Self.size(files.reduce(0) { $0 + $1.size }))",
        ]
        return ToolResult(lines.joined(separator: "\n"), note: listing.note)
    }

    private static func padded(_ text: String, atEnd: Bool, to count: Int) -> String {
        let spaces = String(repeating: " ", count: max(0, count - text.count))
        return atEnd ? text + spaces : spaces + text
    }

    /// `512 B`, `1.50 KB`
    static func size(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "KB", "MB", "GB", "TB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(bytes) B" }
        let hundredths = UInt64((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) \(units[unit])"
    }
}

/// What is in a directory, as far as it fits into an answer.
struct DirectoryListing {
    struct Entry {
        var name: String
        var isDirectory: Bool
        var size: UInt64

        var mark: String { isDirectory ? "[DIR]" : "[FILE]" }
        var line: String { "\(mark) \(name)" }
    }

    private(set) var entries: [Entry] = []
    private(set) var note: String?

    init(_ path: WorkspacePath, in context: ToolContext) async throws(BackendError) {
        var options = ReaddirOptions(withDetails: true)
        var room = context.limits.resultBytes
        while true {
            let page = try await context.backend.readdir(path, options: options)
            for entry in page.entries {
                room -= entry.name.count + 8
                guard room >= 0 else {
                    let last = entries.last?.name ?? ""
                    note = "[cut after \(last): list what comes next with glob, pattern */ or *, after \(last)]"
                    return
                }
                entries.append(
                    Entry(
                        name: WorkspacePath.printable(entry.name),
                        isDirectory: entry.info?.kind == .directory,
                        size: entry.info?.size ?? 0
                    )
                )
            }
            guard page.isTruncated, let last = page.entries.last else { return }
            options.after = last.name
        }
    }
}
