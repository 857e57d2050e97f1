internal import AgentBackend
internal import NIOCore

struct ReadMediaFileTool: Tool {
    let definition = ToolDefinition(
        name: "read_media_file",
        title: "Read Media File",
        description: "Read an image or audio file. Returns the base64 encoded data and MIME type. "
            + "Only works within allowed directories.",
        input: Schema.object(["path": Schema.path]),
        output: Schema.object([
            "content": Schema.list(
                Schema.object([
                    "type": Schema.text().with("enum", ["image", "audio", "blob"]), "data": Schema.text(),
                    "mimeType": Schema.text(),
                ])
            )
        ]),
        annotations: .reads
    )

    private static let types = [
        ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
        ".bmp": "image/bmp", ".svg": "image/svg+xml", ".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg",
        ".flac": "audio/flac",
    ]

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let path = try arguments.path("path")
        let bytes = try await context.backend.read(path, maximum: context.limits.mediaBytes)
        let name = String(decoding: path.parentAndName?.name ?? [], as: UTF8.self).lowercased()
        let suffix = name.lastIndex(of: ".").map { String(name[$0...]) } ?? ""
        let mimeType = Self.types[suffix] ?? "application/octet-stream"
        let type = mimeType.hasPrefix("image/") ? "image" : mimeType.hasPrefix("audio/") ? "audio" : "blob"
        let data = JSONValue.string(Base64.text(bytes.readableBytesView))
        let item: JSONValue = ["type": .string(type), "data": data, "mimeType": .string(mimeType)]
        // The protocol has no block for what is neither picture nor sound; an embedded resource is what holds it.
        let block: JSONValue =
            type == "blob"
            ? [
                "type": "resource",
                "resource": ["uri": .string(Self.uri(path)), "mimeType": .string(mimeType), "blob": data],
            ]
            : item
        return ToolResult(content: [block], structured: ["content": [item]])
    }

    /// RFC 3986: what is not plain is escaped.
    private static func uri(_ path: WorkspacePath) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        return path.bytes.reduce(into: "file://\(WorkspacePath.rootName)/") { uri, byte in
            uri +=
                plain.contains(byte)
                ? String(Unicode.Scalar(byte)) : "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
        }
    }
}
