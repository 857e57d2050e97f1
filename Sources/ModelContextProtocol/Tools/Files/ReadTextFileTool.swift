internal import AgentBackend
internal import NIOCore

/// `read_text_file`, and `read_file`, which is its older name.
struct ReadTextFileTool: Tool {
    let definition: ToolDefinition

    static let deprecated = ReadTextFileTool(
        name: "read_file",
        title: "Read File (Deprecated)",
        "Read the complete contents of a file as text. DEPRECATED: Use read_text_file instead."
    )

    static let current = ReadTextFileTool(
        name: "read_text_file",
        title: "Read Text File",
        "Read the complete contents of a file from the file system as text. "
            + "Handles various text encodings and provides detailed error messages "
            + "if the file cannot be read. Use this tool when you need to examine "
            + "the contents of a single file. Use the 'head' parameter to read only "
            + "the first N lines of a file, or the 'tail' parameter to read only "
            + "the last N lines of a file. Operates on the file as text regardless of extension. "
            + "Only works within allowed directories."
    )

    private init(name: String, title: String, _ description: String) {
        definition = ToolDefinition(
            name: name,
            title: title,
            description: description,
            input: Schema.object(
                [
                    "path": Schema.path,
                    "tail": Schema.number("If provided, returns only the last N lines of the file"),
                    "head": Schema.number("If provided, returns only the first N lines of the file"),
                ],
                optional: ["tail", "head"]
            ),
            output: Schema.content,
            annotations: .reads
        )
    }

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let path = try arguments.path("path")
        // As the official server has it, 0 says no more than nothing does.
        let head = try arguments.optionalCount("head").flatMap { $0 > 0 ? $0 : nil }
        let tail = try arguments.optionalCount("tail").flatMap { $0 > 0 ? $0 : nil }
        switch (head, tail) {
        case (_?, _?):
            throw BackendError(
                .invalidArgument,
                message: "Cannot specify both head and tail parameters simultaneously"
            )
        case (let head?, nil):
            return try await lines(LineWindow(limit: head), of: path, context)
        case (nil, let tail?):
            let total = try await context.backend.readLines(path, window: LineWindow(limit: 0)).totalLines
            return try await lines(LineWindow(offset: total > tail ? total - tail : 0, limit: tail), of: path, context)
        case (nil, nil):
            return try await whole(path, context)
        }
    }

    private func lines(
        _ window: LineWindow,
        of path: WorkspacePath,
        _ context: ToolContext
    ) async throws(BackendError) -> ToolResult {
        let page = try await TextPage(path, window, in: context)
        // The end of a line is what is between two.
        let text = page.text.hasSuffix("\n") ? String(page.text.dropLast()) : page.text
        return ToolResult(text, note: page.note(offset: window.offset))
    }

    private func whole(_ path: WorkspacePath, _ context: ToolContext) async throws(BackendError) -> ToolResult {
        let maximum = context.limits.resultBytes
        let range = ReadRange(length: UInt64(maximum) + 1)
        let bytes = try await context.backend.read(path, range: range, maximum: maximum + 1)
        guard bytes.readableBytes > maximum else { return ToolResult(try FileText.text(bytes.readableBytesView, path)) }
        let page = try await TextPage(path, LineWindow(), in: context)
        return ToolResult(page.text, note: page.note(offset: 0))
    }
}

/// Lines of a file as they fit into an answer.
struct TextPage {
    let text: String
    let lines: UInt64
    let totalLines: UInt64
    private let isCut: Bool

    init(_ path: WorkspacePath, _ window: LineWindow, in context: ToolContext) async throws(BackendError) {
        let page = try await context.backend.readLines(path, window: window)
        totalLines = page.totalLines
        let maximum = context.limits.resultBytes
        var bytes = page.text[...]
        var lines = page.lines
        if bytes.count > maximum {
            bytes = bytes.prefix(maximum)
            // A first line that is too long is told by its beginning.
            if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) { bytes = bytes[...end] }
            lines = UInt64(max(1, bytes.count { $0 == UInt8(ascii: "\n") }))
        }
        self.lines = lines
        isCut = page.isTruncated || bytes.count < page.text.count
        text = try FileText.text(isCut ? FileText.wholeCharacters(bytes) : bytes, path)
    }

    /// Where to read on. Nil: all that was asked for is there.
    func note(offset: UInt64) -> String? {
        guard isCut else { return nil }
        return "[cut: these are lines \(offset + 1) to \(offset + lines) of \(totalLines); read on with read_lines, "
            + "offset \(offset + lines)]"
    }
}

enum FileText {
    /// Throws `READ_FAILED` with reason `NOT_TEXT`.
    static func text(_ bytes: some Collection<UInt8>, _ path: WorkspacePath) throws(BackendError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BackendError(
                .readFailed,
                reason: .notText,
                message: "\(path) is no UTF-8 text: read it with read_media_file"
            )
        }
        return text
    }

    /// Without the beginning of a character at the end.
    static func wholeCharacters(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let start = bytes.suffix(4).lastIndex(where: { $0 & 0xc0 != 0x80 }), bytes[start] >= 0xc0 else {
            return bytes
        }
        return String(validating: bytes[start...], as: UTF8.self) == nil ? bytes[..<start] : bytes
    }
}
