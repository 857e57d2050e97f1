internal import AgentBackend

/// What a request is about: the workspace of a key, or a directory in it.
///
/// `/mcp/{key}/{scope…}`, or `/mcp` with the rest in `X-Scope-Path`. It is read once, here, and handed on as names: so
/// nothing that somebody before or behind this might read in another way is taken, such as an escaped slash, "..", or
/// nothing at all between two slashes. A value.
struct MCPTarget: Sendable, Hashable {
    let key: String
    let scope: WorkspacePath

    private static let prefix = "/mcp"

    /// Throws `INVALID_ARGUMENT`.
    init(path: String, header: String?) throws(BackendError) {
        let path = path.prefix { $0 != "?" }
        guard path.hasPrefix(Self.prefix) else { throw Self.refusal("is not beneath \(Self.prefix)") }
        let rest = path.dropFirst(Self.prefix.count)
        switch (rest.isEmpty || rest == "/", header) {
        case (true, let header?): try self.init(names: header[...])
        case (false, nil): try self.init(names: rest.dropFirst())
        case (false, _?): throw Self.refusal("is given twice: in the path and in X-Scope-Path")
        case (true, nil): throw Self.refusal("is missing: say whose workspace it is about, as in /mcp/KEY")
        }
    }

    private init(names: Substring) throws(BackendError) {
        var names = names.split(separator: "/", omittingEmptySubsequences: false)
        // One slash at the end says nothing.
        if names.count > 1, names.last?.isEmpty == true { names.removeLast() }
        key = String(names.removeFirst())
        try Name.validate(key, kind: "key")
        var scope: [[UInt8]] = []
        for name in names { scope.append(try Self.decoded(name)) }
        self.scope = try WorkspacePath(joining: scope)
    }

    /// One name, with `%XX` for what it cannot hold otherwise.
    private static func decoded(_ text: Substring) throws(BackendError) -> [UInt8] {
        var name: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                name.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
                digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
            else { throw refusal("has a % without two hexadecimal digits") }
            rest = rest.dropFirst(2)
            name.append(value)
        }
        guard !name.isEmpty, name != [UInt8(ascii: ".")], name != Array("..".utf8) else {
            throw refusal("has a name that is empty, \".\" or \"..\"")
        }
        guard !name.contains(UInt8(ascii: "/")), name.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw refusal("has a slash or a control character within a name")
        }
        return name
    }

    private static func refusal(_ what: String) -> BackendError {
        BackendError(.invalidArgument, message: "the key and scope of the request \(what)")
    }
}
