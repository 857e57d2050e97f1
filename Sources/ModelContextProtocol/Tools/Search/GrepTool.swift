internal import AgentBackend

struct GrepTool: Tool {
    let definition = ToolDefinition(
        name: "grep",
        title: "Grep",
        description:
            "Search the lines of files for a regular expression. Passes over binary files, and hidden ones unless "
            + "asked. Tells of a page at a time; give 'next' of one as 'after' for the next.",
        input: Schema.object(
            [
                "pattern": Schema.text("A regular expression (PCRE2)"),
                "path": Schema.text("The directory or file to search").by(default: .string(WorkspacePath.rootName)),
                "literal": Schema.flag("Search for the pattern as it is").by(default: false),
                "ignoreCase": Schema.flag().by(default: false),
                "include": Schema.list(Schema.text(), "Only files that match one of these globs").by(default: []),
                "exclude": Schema.list(Schema.text(), "No files or directories that match one of these").by(default: []
                ),
                "context": Schema.integer("Lines around each match, at most \(GrepOptions.maximumContext)").by(
                    default: 0
                ),
                "hidden": Schema.flag("Names with a leading dot too").by(default: false),
                "after": Schema.text("Only files that come after this path"),
                "limit": Schema.integer("At most so many lines"),
            ],
            optional: [
                "path", "literal", "ignoreCase", "include", "exclude", "context", "hidden", "after", "limit",
            ]
        ),
        output: Schema.object(
            [
                "matches": Schema.list(
                    Schema.object(
                        [
                            "path": Schema.text(), "line": Schema.integer("Counted from 1"), "text": Schema.text(),
                            "before": Schema.list(Schema.text()), "after": Schema.list(Schema.text()),
                        ],
                        optional: ["before", "after"]
                    )
                ),
                "next": Schema.text("There may be more, in files after this path"),
                "truncated": Schema.flag("A file has more matches than are told"),
            ],
            optional: ["next"]
        ),
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let pattern = try GrepPattern(
            try arguments.text("pattern"),
            isRegularExpression: !(try arguments.flag("literal")),
            ignoresCase: try arguments.flag("ignoreCase")
        )
        let around = Int(clamping: try arguments.optionalCount("context") ?? 0)
        var options = GrepOptions()
        options.path = try arguments.optionalPath("path") ?? .root
        options.includes = try arguments.patterns("include")
        options.excludes = try arguments.patterns("exclude")
        (options.contextBefore, options.contextAfter) = (around, around)
        options.includesHidden = try arguments.flag("hidden")
        options.after = try arguments.optionalPath("after")
        options.limit = Int(clamping: try arguments.optionalCount("limit") ?? 0)
        var gathering = Gathering(room: context.limits.resultBytes)
        while true {
            let page = try await context.backend.grep(pattern, options: options)
            gathering.add(page)
            // A page may be empty and yet not be the last.
            guard gathering.isEmpty, let next = page.next else { break }
            options.after = next
        }
        return gathering.result
    }

    /// An answer while it grows.
    private struct Gathering {
        private var lines: BoundedText
        private var matches: [JSONValue] = []
        private var next: WorkspacePath?
        private var isTruncated = false

        init(room: Int) {
            lines = BoundedText(room)
        }

        var isEmpty: Bool { matches.isEmpty }

        mutating func add(_ page: GrepPage) {
            var last: WorkspacePath?
            for file in page.files {
                // One that does not fit begins the next answer; the first one is told as far as it goes.
                let (linesBefore, matchesBefore) = (lines, matches)
                for match in file.matches where !add(match, of: file.path) { break }
                if lines.isCut {
                    if let last {
                        (lines, matches, next) = (linesBefore, matchesBefore, last)
                    } else {
                        (next, isTruncated) = (file.path, true)
                    }
                    return
                }
                isTruncated = isTruncated || file.isTruncated
                last = file.path
            }
            next = page.next
        }

        private mutating func add(_ match: GrepMatch, of path: WorkspacePath) -> Bool {
            let first = match.line - UInt64(match.before.count)
            let around = match.before + [match.text] + match.after
            let text = around.enumerated().map { index, line in
                let mark = index == match.before.count ? ":" : "-"
                return "\(path)\(mark)\(first + UInt64(index))\(mark)\(String(decoding: line, as: UTF8.self))"
            }
            guard lines.add(line: text.joined(separator: "\n")) else { return false }
            var object = JSONObject()
            object["path"] = .string(path.description)
            object["line"] = .count(match.line)
            object["text"] = .string(String(decoding: match.text, as: UTF8.self))
            if !match.before.isEmpty { object["before"] = Self.texts(match.before) }
            if !match.after.isEmpty { object["after"] = Self.texts(match.after) }
            matches.append(.object(object))
            return true
        }

        private static func texts(_ lines: [[UInt8]]) -> JSONValue {
            .array(lines.map { .string(String(decoding: $0, as: UTF8.self)) })
        }

        var result: ToolResult {
            var result = JSONObject()
            result["matches"] = .array(matches)
            result["next"] = next.map { .string($0.description) }
            result["truncated"] = .bool(isTruncated)
            var notes: [String] = []
            if isTruncated { notes.append("[a file has more matches: narrow the pattern, or read the file]") }
            if let next { notes.append("[there may be more: go on with after \(next)]") }
            let text = matches.isEmpty ? "No matches found" : lines.text
            return ToolResult(content: ([text] + notes).map(ToolResult.block), structured: .object(result))
        }
    }
}
