internal import AgentBackend
internal import Synchronization

/// Answers the requests of the protocol, of both its eras, whoever carries them. A value; safe to share.
///
/// It keeps no state: what a conversation agreed on is its driver's to know, and what work there is its caller's task,
/// which calls it off by cancelling.
package struct ToolServer: Sendable {
    private let version: String

    /// `version`: of this program.
    package init(version: String) {
        self.version = version
    }

    /// What the tools are, for who wants to know without asking.
    package static var tools: [ToolDefinition] { ToolTable.all.map(\.definition) }

    /// Whether an answer may take longer than a client waits in silence.
    package static func mayBeLong(_ request: RPCRequest) -> Bool {
        request.toolName.flatMap { ToolTable.tool($0) }?.definition.mayBeLong ?? false
    }

    /// - Parameter version: What the conversation agreed on, or the request says; of `initialize` it does not count.
    package func answer(
        _ request: RPCRequest,
        _ version: ProtocolVersion,
        in context: ToolContext
    ) async -> RPCResponse {
        do throws(RPCError) {
            var result = try await result(of: request, version, context)
            if version.era == .stateless { result["resultType"] = "complete" }
            return RPCResponse(id: request.id, .success(.object(result)))
        } catch {
            return RPCResponse(id: request.id, .failure(error))
        }
    }

    private func result(
        of request: RPCRequest,
        _ version: ProtocolVersion,
        _ context: ToolContext
    ) async throws(RPCError) -> JSONObject {
        switch (request.method, version.era) {
        case ("initialize", .handshake): return try initialize(request)
        case ("ping", .handshake): return JSONObject()
        case ("server/discover", .stateless): return discover()
        case ("tools/list", let era): return try list(request, era)
        case ("tools/call", _): return try await call(request, context)
        default: throw .methodNotFound(request.method)
        }
    }

    /// What a client asks for is spoken, where it is known.
    package static func version(initializing request: RPCRequest) -> ProtocolVersion {
        let asked = request.parameters["protocolVersion"]?.text.flatMap { ProtocolVersion(rawValue: $0) }
        guard let asked, asked.era == .handshake else { return .newestOfHandshake }
        return asked
    }

    private func initialize(_ request: RPCRequest) throws(RPCError) -> JSONObject {
        guard request.parameters["protocolVersion"]?.text != nil else {
            throw RPCError(.invalidParameters, "initialize names the protocolVersion that the client speaks")
        }
        var result = JSONObject()
        result["protocolVersion"] = .string(Self.version(initializing: request).rawValue)
        result["capabilities"] = Self.capabilities
        result["serverInfo"] = information
        result["instructions"] = .string(Self.instructions)
        return result
    }

    private func discover() -> JSONObject {
        var result = JSONObject()
        result["supportedVersions"] = .array(ProtocolVersion.stateless.map { .string($0.rawValue) })
        result["capabilities"] = Self.capabilities
        result["instructions"] = .string(Self.instructions)
        result["_meta"] = ["io.modelcontextprotocol/serverInfo": information]
        Self.allowCaching(&result)
        return result
    }

    private func list(_ request: RPCRequest, _ era: ProtocolVersion.Era) throws(RPCError) -> JSONObject {
        guard request.parameters["cursor"] == nil else {
            throw RPCError(.invalidParameters, "there is one page of tools: ask without a cursor")
        }
        var result = JSONObject()
        result["tools"] = ToolTable.json
        if era == .stateless { Self.allowCaching(&result) }
        return result
    }

    private func call(_ request: RPCRequest, _ context: ToolContext) async throws(RPCError) -> JSONObject {
        let (tool, arguments) = try Self.tool(of: request)
        let name = tool.definition.name
        // A list may hold any number of paths that lead out.
        let isTold = Atomic(false)
        let given = ToolArguments(arguments) { kind, subject, code in
            guard !isTold.exchange(true, ordering: .relaxed) else { return }
            context.refused?(ToolRefusal(tool: name, kind: kind, subject: subject, code: code))
        }
        do throws(BackendError) {
            return try await tool.call(given, in: context).json
        } catch {
            return ToolResult(error).json
        }
    }

    /// Throws what makes a request for a tool none.
    package static func check(_ request: RPCRequest) throws(RPCError) {
        if request.method == "tools/call" { _ = try tool(of: request) }
    }

    private static func tool(of request: RPCRequest) throws(RPCError) -> (any Tool, JSONObject) {
        guard let name = request.parameters["name"]?.text else {
            throw RPCError(.invalidParameters, "tools/call names the tool: name is missing")
        }
        guard let tool = ToolTable.tool(name) else {
            throw RPCError(.invalidParameters, "there is no tool \(WorkspacePath.printable(name.utf8)): see tools/list")
        }
        let given = request.parameters["arguments"] ?? .null
        guard let arguments = given == .null ? JSONObject() : given.object else {
            throw RPCError(.invalidParameters, "the arguments of a tool are an object")
        }
        return (tool, arguments)
    }

    /// The same for everybody, and for as long as this program runs.
    private static func allowCaching(_ result: inout JSONObject) {
        result["ttlMs"] = 300_000
        result["cacheScope"] = "public"
    }

    private var information: JSONValue {
        ["name": "agent-broker", "title": "Agent Broker", "version": .string(version)]
    }

    private static let capabilities: JSONValue = ["tools": ["listChanged": false]]

    private static let instructions = """
        A workspace: files beneath \(WorkspacePath.rootName), and commands that run there. Paths are absolute, or relative \
        to it; nothing outside can be reached. An answer that was cut says how to read on.
        """
}
