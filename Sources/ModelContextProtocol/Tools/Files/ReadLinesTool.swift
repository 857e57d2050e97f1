internal import AgentBackend

/// Reads on where another answer was cut.
struct ReadLinesTool: Tool {
    let definition = ToolDefinition(
        name: "read_lines",
        title: "Read Lines",
        description:
            "Read some lines of a text file, and how many it has. Goes on where an answer of read_text_file was "
            + "cut.",
        input: Schema.object(
            [
                "path": Schema.path,
                "offset": Schema.integer("Lines to pass over at the start of the file").by(default: 0),
                "limit": Schema.integer("At most so many lines; all that fit into one answer if not given"),
            ],
            optional: ["offset", "limit"]
        ),
        output: Schema.object(
            [
                "content": Schema.text("The lines, each with its end"),
                "lines": Schema.integer("How many these are"),
                "totalLines": Schema.integer("How many the file has"),
                "next": Schema.integer("The offset to read on at; not there when all was told"),
            ],
            optional: ["next"]
        ),
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let offset = try arguments.optionalCount("offset") ?? 0
        let window = LineWindow(offset: offset, limit: try arguments.optionalCount("limit"))
        let page = try await TextPage(try arguments.path("path"), window, in: context)
        var result = JSONObject()
        result["content"] = .string(page.text)
        result["lines"] = .count(page.lines)
        result["totalLines"] = .count(page.totalLines)
        let (next, _) = offset.addingReportingOverflow(page.lines)
        if next < page.totalLines { result["next"] = .count(next) }
        let blocks = [page.text, page.note(offset: offset)].compactMap { $0 }.map(ToolResult.block)
        return ToolResult(content: blocks, structured: .object(result))
    }
}
