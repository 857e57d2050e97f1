package import AgentBackend

/// What came of a tool.
package struct ToolResult: Sendable {
    /// Blocks for the model to read.
    package var content: [JSONValue]
    /// The same for a program, as the tool's output schema says. Nil for an error.
    package var structured: JSONValue?
    package var isError: Bool

    init(content: [JSONValue], structured: JSONValue, isError: Bool = false) {
        self.content = content
        self.structured = structured
        self.isError = isError
    }

    init(_ text: String, structured: JSONValue, isError: Bool = false) {
        self.init(content: [Self.block(text)], structured: structured, isError: isError)
    }

    /// Of a tool whose answer is a text. `note`: what is to be said of it that is no part of it.
    init(_ text: String, note: String? = nil) {
        self.init(content: [text, note].compactMap { $0 }.map(Self.block), structured: ["content": .string(text)])
    }

    package init(_ error: BackendError) {
        // What brought it about is the broker's business.
        let reason = error.reason.map { " (\($0))" } ?? ""
        content = [Self.block("\(error.code)\(reason): \(error.message)")]
        structured = nil
        isError = true
    }

    static func block(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }

    package var json: JSONObject {
        var result = JSONObject()
        result["content"] = .array(content)
        result["structuredContent"] = structured
        result["isError"] = .bool(isError)
        return result
    }
}

/// A text that grows up to a number of bytes, whole lines at a time. A value.
struct BoundedText {
    private(set) var text = ""
    /// Something did not fit.
    private(set) var isCut = false
    private var room: Int

    init(_ bytes: Int) {
        room = bytes
    }

    /// False: it did not fit, and nothing more does.
    @discardableResult
    mutating func add(line: String) -> Bool {
        let bytes = line.utf8.count + 1
        guard !isCut, bytes <= room else {
            isCut = true
            return false
        }
        if !text.isEmpty { text += "\n" }
        text += line
        room -= bytes
        return true
    }
}
