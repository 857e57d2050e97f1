internal import AgentBackend
internal import NIOCore

struct ReadMultipleFilesTool: Tool {
    let definition = ToolDefinition(
        name: "read_multiple_files",
        title: "Read Multiple Files",
        description: "Read the contents of multiple files simultaneously. This is more "
            + "efficient than reading files one by one when you need to analyze "
            + "or compare multiple files. Each file's content is returned with its "
            + "path as a reference. Failed reads for individual files won't stop "
            + "the entire operation. Only works within allowed directories.",
        input: Schema.object([
            "paths": Schema.list(
                Schema.text(),
                "Array of file paths to read. Each path must be a string pointing to a valid file within allowed "
                    + "directories."
            ).with("minItems", 1)
        ]),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let names = try arguments.texts("paths")
        guard !names.isEmpty else {
            throw BackendError(.invalidArgument, message: "At least one file path must be provided")
        }
        // The backend hears only of those that are paths.
        try ManyFiles.check(count: names.count, bytes: names.reduce(0) { $0 + $1.utf8.count })
        // A path that is none is that file's failure alone.
        var paths: [WorkspacePath] = []
        var failures: [Int: BackendError] = [:]
        for (index, name) in names.enumerated() {
            do throws(BackendError) {
                paths.append(try arguments.path(written: name))
            } catch {
                failures[index] = error
            }
        }
        let share = max(1, context.limits.resultBytes / names.count)
        var contents = try await context.backend.readMany(paths, options: ReadManyOptions(maximumBytesPerFile: share))[
            ...
        ]
        var parts: [String] = []
        var cut: [String] = []
        for (index, name) in names.enumerated() {
            do throws(BackendError) {
                if let failure = failures[index] { throw failure }
                guard let result = contents.popFirst() else { break }
                let file = try result.get()
                var bytes = Array(file.bytes.readableBytesView)[...]
                if file.isTruncated {
                    bytes = FileText.wholeCharacters(bytes)
                    cut.append(name)
                }
                parts.append("\(name):\n\(try FileText.text(bytes, try WorkspacePath(name)))\n")
            } catch {
                parts.append("\(name): Error - \(error.message)")
            }
        }
        let note =
            cut.isEmpty ? nil : "[cut: only the beginning of \(cut.joined(separator: ", ")); read on with read_lines]"
        return ToolResult(parts.joined(separator: "\n---\n"), note: note)
    }
}
