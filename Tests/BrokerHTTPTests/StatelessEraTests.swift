import BrokerServer
import BrokerTestKit
import ModelContextProtocol
import Testing

/// 2026-07-28: each request says everything, in its body and in its headers alike.
@Suite struct StatelessEraTests {
    private func headers(_ method: String, _ name: String? = nil) -> [(String, String)] {
        [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)] + (name.map { [("Mcp-Name", $0)] } ?? [])
    }

    private func message(_ method: String, _ version: String = "2026-07-28") -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":{"_meta":\#(MCPCaller.envelope(version))}}"#
    }

    @Test func answersWithoutAHandshake() async throws {
        try await withSidePort { broker in
            let caller = MCPCaller(broker)
            let found = try await caller.send(message("server/discover"), headers: headers("server/discover"))
            #expect(found.status == 200 && found.headers["mcp-session-id"] == nil)
            #expect(found.result?["supportedVersions"] == ["2026-07-28"])
            #expect(found.result?["resultType"] == "complete")
            let tools = try await caller.send(message("tools/list"), headers: headers("tools/list"))
            #expect(tools.result?["cacheScope"] == "public" && tools.result?["resultType"] == "complete")
            let call = MCPCaller.call("write_file", #"{"path":"a","content":"x"}"#, meta: MCPCaller.envelope())
            let written = try await caller.send(call, headers: headers("tools/call", "write_file"))
            #expect(written.text == "Successfully wrote to a")
            #expect(written.result?["resultType"] == "complete")
            // "write_file" in base64.
            let encoded = try await caller.send(call, headers: headers("tools/call", "=?base64?d3JpdGVfZmlsZQ==?="))
            #expect(encoded.text == "Successfully wrote to a")
            let note = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
            #expect(try await caller.send(note, headers: headers("notifications/cancelled")).status == 202)
            for method in ["GET", "DELETE"] {
                #expect(try await caller.send("", method: method, headers: headers("x")).status == 405)
            }
        }
    }

    @Test func refusesWhatContradictsItself() async throws {
        try await withSidePort { broker in
            let caller = MCPCaller(broker)
            let (list, call) = (message("tools/list"), MCPCaller.call("write_file", meta: MCPCaller.envelope()))
            let bare = #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#
            let nope = MCPCaller.call("nope", meta: MCPCaller.envelope())
            let refused: [(body: String, headers: [(String, String)], status: Int, code: Int64)] = [
                (list, headers("tools/call"), 400, -32020),
                (list, [("MCP-Protocol-Version", "2026-07-28")], 400, -32020),
                (list, [("Mcp-Method", "tools/list")], 400, -32020),
                (list, headers("tools/list") + [("Mcp-Method", "tools/list")], 400, -32020),
                (list, [("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "tools/list")], 400, -32020),
                (call, headers("tools/call", "read_file"), 400, -32020),
                (call, headers("tools/call"), 400, -32020),
                (
                    message("tools/list", "2027-01-01"),
                    [("MCP-Protocol-Version", "2027-01-01"), ("Mcp-Method", "tools/list")], 400, -32022
                ),
                (bare, headers("tools/list"), 400, -32602),
                (message("ping"), headers("ping"), 404, -32601),
                (nope, headers("tools/call", "nope"), 400, -32602),
                ("[\(list)]", headers("tools/list"), 400, -32600),
                ("{", headers("tools/list"), 400, -32700),
                (#"{"jsonrpc":"2.0","id":1,"result":{}}"#, headers("x"), 400, -32600),
            ]
            for (body, headers, status, code) in refused {
                let reply = try await caller.send(body, headers: headers)
                #expect(reply.status == status && reply.errorCode == code, "\(body) \(headers)")
            }
        }
    }

    /// Closing the response calls the request off, and its command with it, whether it was to be told of as events or not.
    @Test(arguments: [MCPCaller.accept, "application/json"])
    func calledOffByGoingAway(_ accept: String) async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let observer = caller
            (caller.session, caller.version) = (nil, nil)
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let call = MCPCaller.call("exec", #"{"command":"touch started; sleep 600"}"#, meta: MCPCaller.envelope())
            try await peer.send(caller.text(call, headers: headers("tools/call", "exec") + [("Accept", accept)]))
            try await waitForFile("started", observer)
            #expect(!commands(beneath: broker.root).isEmpty)
            await peer.close()
            try await waitUntilNoCommandRuns(broker)
        }
    }
}
