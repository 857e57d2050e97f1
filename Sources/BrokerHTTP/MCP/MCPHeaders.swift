internal import AgentBackend
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol

extension HTTPField.Name {
    static let mcpSessionID = Self.known("Mcp-Session-Id")
    static let mcpProtocolVersion = Self.known("MCP-Protocol-Version")
    static let mcpMethod = Self.known("Mcp-Method")
    static let mcpName = Self.known("Mcp-Name")
    static let xScopePath = Self.known("X-Scope-Path")
    static let traceparent = Self.known("traceparent")
    static let xAccelBuffering = Self.known("X-Accel-Buffering")

    /// One that is a name; any other would be no header at all.
    private static func known(_ name: String) -> Self { Self(name) ?? .cookie }
}

/// What a request says in its headers.
enum MCPHeaders {
    static func token(_ request: Request) throws(MCPRefusal) -> String {
        let given = request.headers[values: .authorization]
        guard given.count == 1, given[0].lowercased().hasPrefix("bearer ") else { throw .noToken }
        let token = given[0].dropFirst("bearer ".count).drop { $0 == " " }
        guard !token.isEmpty, token.utf8.count <= 1024 else { throw .noToken }
        return String(token)
    }

    /// Throws `INVALID_ARGUMENT` for more than one.
    static func scopePath(_ request: Request) throws(BackendError) -> String? {
        let given = request.headers[values: .xScopePath]
        guard given.count < 2 else {
            throw BackendError(.invalidArgument, message: "X-Scope-Path is given twice: give one")
        }
        return given.first
    }

    /// Empty where there is none, or more than one, which are to be taken for none. The broker looks at what it is.
    static func traceparent(_ request: Request) -> String {
        let given = request.headers[values: .traceparent]
        return given.count == 1 && given[0].utf8.count <= 512 ? given[0] : ""
    }

    static func accepts(_ request: Request, _ type: String) -> Bool {
        let accepted = request.headers[values: .accept].flatMap { $0.split(separator: ",") }
            .map { $0.prefix { $0 != ";" }.lowercased().filter { $0 != " " } }
        let family = type.prefix { $0 != "/" } + "/*"
        return accepted.contains { $0 == type || $0 == family || $0 == "*/*" }
    }

    /// That the header names; nil: there is no header. Throws for one that is not spoken here.
    static func version(_ request: Request) throws(MCPRefusal) -> ProtocolVersion? {
        guard let header = request.headers[values: .mcpProtocolVersion].first else { return nil }
        guard let version = ProtocolVersion(rawValue: header) else { throw .unsupported(header, nil) }
        return version
    }

    /// What a message is written in: what it says of itself, else what its header says. `initialize` is of the era that
    /// shakes hands, whatever else.
    static func version(_ request: Request, of message: RPCMessage) throws(MCPRefusal) -> ProtocolVersion {
        guard case .request(let call) = message else { return try version(request) ?? .assumed }
        if call.method == "initialize" { return .newestOfHandshake }
        let claimed = call.claimedVersion
        if claimed == nil, let header = try version(request) { return header }
        guard let claimed else { return .assumed }
        // Whoever says two things is told so before all else.
        let header = request.headers[values: .mcpProtocolVersion]
        guard header.count == 1, .string(header[0]) == claimed else {
            throw .headerMismatch("MCP-Protocol-Version", call.id)
        }
        guard let version = ProtocolVersion(rawValue: header[0]), version.era == .stateless else {
            throw .unsupported(header[0], call.id)
        }
        return version
    }

    /// Of a request that says everything itself: that its headers say what its body says.
    static func check(_ request: Request, _ call: RPCRequest) throws(RPCError) {
        try call.checkEnvelope()
        guard request.headers[values: .mcpMethod] == [call.method] else { throw mismatch("Mcp-Method", "method") }
        if call.method == "tools/call", let name = call.parameters["name"]?.text {
            let given = request.headers[values: .mcpName]
            guard given.count == 1, text(ofHeader: given[0]) == name else { throw mismatch("Mcp-Name", "name") }
        }
    }

    /// A header holds plain text, or what is none in base64, between `=?base64?` and `?=`.
    private static func text(ofHeader value: String) -> String? {
        let (start, end) = ("=?base64?", "?=")
        guard value.hasPrefix(start), value.hasSuffix(end), value.count >= start.count + end.count else { return value }
        return Base64.bytes(value.dropFirst(start.count).dropLast(end.count))
            .flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func mismatch(_ header: String, _ member: String) -> RPCError {
        RPCError(.headerMismatch, "the header \(header) has to be there once, and to be the \(member) of the body")
    }
}
