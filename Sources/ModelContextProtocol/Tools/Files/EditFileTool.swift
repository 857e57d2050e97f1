internal import AgentBackend
internal import NIOCore

struct EditFileTool: Tool {
    let definition = ToolDefinition(
        name: "edit_file",
        title: "Edit File",
        description: "Make line-based edits to a text file. Each edit replaces exact line sequences "
            + "with new content. Returns a git-style diff showing the changes made. "
            + "Only works within allowed directories.",
        input: Schema.object(
            [
                "path": Schema.path,
                "edits": Schema.list(
                    Schema.object([
                        "oldText": Schema.text("Text to search for - must match exactly"),
                        "newText": Schema.text("Text to replace with"),
                    ])
                ),
                "dryRun": Schema.flag("Preview changes using git-style diff format").by(default: false),
            ],
            optional: ["dryRun"]
        ),
        output: Schema.content,
        annotations: .changes(isIdempotent: false, isDestructive: true)
    )

    /// Largest file that is edited, in bytes.
    private static let maximumBytes = 8 << 20
    /// Edits of a file that others write meanwhile are tried so often.
    private static let attempts = 5

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let path = try arguments.path("path")
        var edits: [LooseEdit] = []
        for edit in try arguments.objects("edits") {
            edits.append(LooseEdit(old: try edit.text("oldText"), new: try edit.text("newText")))
        }
        let isDryRun = try arguments.flag("dryRun")
        var attempt = 1
        while true {
            let etag = try await context.backend.stat(path, followLink: true).etag
            let bytes = try await context.backend.read(path, maximum: Self.maximumBytes)
            let old = LooseEdit.Text(bytes.readableBytesView)
            var new = old
            for edit in edits { try edit.apply(to: &new, path) }
            do throws(BackendError) {
                if !isDryRun {
                    let options = WriteOptions(expectedEtag: etag)
                    try await context.backend.write(path, ByteBuffer(bytes: new.bytes), options: options)
                }
                return Self.result(path, try arguments.text("path"), old, new, context)
            } catch  where error.code == .conflict && attempt < Self.attempts {
                attempt += 1
            }
        }
    }

    private static func result(
        _ path: WorkspacePath,
        _ name: String,
        _ old: LooseEdit.Text,
        _ new: LooseEdit.Text,
        _ context: ToolContext
    ) -> ToolResult {
        let name = WorkspacePath.printable(name.utf8)
        let header =
            "Index: \(name)\n\(String(repeating: "=", count: 67))\n--- \(name)\toriginal\n+++ \(name)\tmodified\n"
        guard
            let hunks = UnifiedDiff(from: old.lines, to: new.lines).hunkText(maximumBytes: context.limits.resultBytes)
        else {
            return ToolResult("", note: "[the edit was made; its diff is too long to be shown]")
        }
        let diff = header + String(decoding: hunks, as: UTF8.self)
        var fence = "```"
        while diff.contains(fence) { fence += "`" }
        return ToolResult("\(fence)diff\n\(diff)\(fence)\n\n")
    }
}
