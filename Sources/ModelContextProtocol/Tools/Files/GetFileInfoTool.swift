internal import AgentBackend
internal import Glibc

struct GetFileInfoTool: Tool {
    let definition = ToolDefinition(
        name: "get_file_info",
        title: "Get File Info",
        description: "Retrieve detailed metadata about a file or directory. Returns comprehensive "
            + "information including size, creation time, last modified time, permissions, "
            + "and type. This tool is perfect for understanding file characteristics "
            + "without reading the actual content. Only works within allowed directories.",
        input: Schema.object(["path": Schema.path]),
        output: Schema.content,
        annotations: .reads
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let info = try await context.backend.stat(try arguments.path("path"), followLink: true)
        let permissions = String(info.permissions & 0o777, radix: 8)
        return ToolResult(
            """
            size: \(info.size)
            created: unknown
            modified: \(Self.time(info.modifiedNanoseconds))
            accessed: unknown
            isDirectory: \(info.kind == .directory)
            isFile: \(info.kind == .regular)
            permissions: \(String(repeating: "0", count: max(0, 3 - permissions.count)))\(permissions)
            """
        )
    }

    /// RFC 3339, in UTC, to the millisecond.
    private static func time(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000).quotient)
        var rest = nanoseconds % 1_000_000_000
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000_000
        }
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
            + "T\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))"
            + ".\(digits(Int32(rest / 1_000_000), 3))Z"
    }
}
