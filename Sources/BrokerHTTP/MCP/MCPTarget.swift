internal import AgentBackend

/// What a request is about: the workspace of a key, or a directory in it.
///
/// `/mcp/{key}/{scope…}`, or `/mcp` with the rest in `X-Scope-Path`; see ``PathName``. A value.
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
        for name in names { scope.append(try PathName.decoded(name)) }
        self.scope = try WorkspacePath(joining: scope)
    }

    private static func refusal(_ what: String) -> BackendError {
        BackendError(.invalidArgument, message: "the key and scope of the request \(what)")
    }
}
