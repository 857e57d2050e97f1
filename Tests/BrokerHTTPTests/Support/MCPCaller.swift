import BrokerHTTP
import BrokerServer
import BrokerTestKit
import BrokerWire
import ModelContextProtocol
import NIOCore

/// A client of MCP at a broker of a test's own. For one task.
struct MCPCaller {
    let port: Int
    let token: String
    var path = "/mcp/demo"
    var session: String?
    var version: String?

    static let accept = "application/json, text/event-stream"

    init(_ broker: InProcessBroker, org: String = "acme", path: String = "/mcp/demo") {
        port = broker.httpPort
        token = broker.token(of: org)
        self.path = path
    }

    /// A request as it travels.
    func text(
        _ body: String,
        method: String = "POST",
        headers: [(String, String)] = [],
        without left: Set<String> = []
    ) -> String {
        var all = [
            ("Host", "127.0.0.1"), ("Authorization", "Bearer \(token)"), ("Content-Type", "application/json"),
            ("Accept", Self.accept), ("Content-Length", "\(body.utf8.count)"),
        ]
        if let session { all.append(("Mcp-Session-Id", session)) }
        if let version { all.append(("MCP-Protocol-Version", version)) }
        let given = Set(headers.map { $0.0.lowercased() })
        all = all.filter { !given.contains($0.0.lowercased()) && !left.contains($0.0.lowercased()) } + headers
        return "\(method) \(path) HTTP/1.1\r\n" + all.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n" + body
    }

    /// One exchange on a connection of its own.
    func send(
        _ body: String,
        method: String = "POST",
        headers: [(String, String)] = [],
        without left: Set<String> = []
    ) async throws -> HTTPPeer.Reply {
        let peer = try await HTTPPeer.connect(port: port)
        do {
            try await peer.send(text(body, method: method, headers: headers, without: left))
            let reply = try await peer.reply()
            await peer.close()
            return reply
        } catch {
            await peer.close()
            throw error
        }
    }

    static let initialize =
        #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#

    /// Shakes hands.
    mutating func begin() async throws {
        session = try await send(Self.initialize).headers["mcp-session-id"]
        version = "2025-11-25"
    }

    static func call(_ tool: String, _ arguments: String = "{}", id: Int = 1, meta: String? = nil) -> String {
        let meta = meta.map { #","_meta":\#($0)"# } ?? ""
        return
            #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments)\#(meta)}}"#
    }

    /// What a request of the stateless era says of itself.
    static func envelope(_ version: String = "2026-07-28") -> String {
        #"{"io.modelcontextprotocol/protocolVersion":"\#(version)","io.modelcontextprotocol/clientCapabilities":{}}"#
    }
}

extension HTTPPeer.Reply {
    var json: JSONValue { (try? JSONParser.parse(ByteBuffer(string: body))) ?? .null }
    var errorCode: Int64? { json["error"]?["code"]?.wholeNumber }
    var result: JSONValue? { json["result"] }
    var text: String? { result?["content"]?.elements?.first?["text"]?.text }
}

/// Runs a broker with a side port while `body` runs.
func withSidePort<Value: Sendable>(
    orgs: [String] = ["acme"],
    configure: (inout BrokerConfiguration) -> Void = { _ in },
    reloaded: (@Sendable (inout BrokerConfiguration) -> Void)? = nil,
    _ body: (InProcessBroker) async throws -> Value
) async throws -> Value {
    try await withBroker(
        orgs: orgs,
        configure: { configuration in
            configuration.http.listen = [TCPAddress(host: "127.0.0.1", port: 0)]
            configure(&configuration)
        },
        reloaded: reloaded,
        front: SidePort(),
        body
    )
}
