import BrokerServer
import BrokerTestKit
import ModelContextProtocol
import Testing

/// 2025-11-25 and before: initialize, a session, one message at a time.
@Suite struct HandshakeEraTests {
    @Test func aConversation() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            let first = try await caller.send(MCPCaller.initialize)
            #expect(first.status == 200)
            #expect(first.result?["protocolVersion"] == "2025-11-25")
            caller.session = first.headers["mcp-session-id"]
            caller.version = "2025-11-25"
            let noted = try await caller.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            #expect(noted.status == 202 && noted.body.isEmpty)
            #expect(try await caller.send(#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#).json["id"] == "p")
            let tools = try await caller.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
            #expect(tools.result?["tools"]?.elements?.count == 23)
            #expect(tools.result?["resultType"] == nil)
            let written = try await caller.send(MCPCaller.call("write_file", #"{"path":"a","content":"x"}"#))
            #expect(written.text == "Successfully wrote to a")
            #expect(try await caller.send("", method: "DELETE").status == 204)
            let gone = try await caller.send(MCPCaller.call("read_file", #"{"path":"a"}"#))
            #expect(gone.status == 404)
        }
    }

    @Test(arguments: [
        ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"),
        ("2099-01-01", "2025-11-25"), ("2026-07-28", "2025-11-25"),
    ])
    func speaksWhatItKnows(_ asked: String, _ spoken: String) async throws {
        try await withSidePort { broker in
            let caller = MCPCaller(broker)
            let reply = try await caller.send(
                #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(asked)"}}"#
            )
            #expect(reply.result?["protocolVersion"] == .string(spoken))
        }
    }

    @Test func refusesWhatIsNoConversation() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
            #expect(try await caller.send(ping).status == 400)
            caller.session = "0123456789abcdef0123456789abcdef"
            #expect(try await caller.send(ping).status == 404)
            try await caller.begin()
            let unsupported = try await caller.send(ping, headers: [("MCP-Protocol-Version", "1999-01-01")])
            #expect(unsupported.status == 400 && unsupported.errorCode == -32022)
            #expect(unsupported.json["error"]?["data"]?["supported"] == ["2026-07-28"])
            let get = try await caller.send("", method: "GET")
            #expect(get.status == 405 && get.headers["allow"] == "POST, DELETE")
            #expect(try await caller.send("{", headers: []).errorCode == -32700)
            let batch = try await caller.send("[\(ping)]")
            #expect(batch.status == 400 && batch.errorCode == -32600)
            #expect(try await caller.send(#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#).errorCode == -32601)
            let tool = try await caller.send(MCPCaller.call("nope"))
            #expect(tool.status == 200 && tool.errorCode == -32602)
            #expect(try await caller.send(ping, headers: [("Content-Type", "text/plain")]).status == 415)
            #expect(try await caller.send(ping, headers: [("Accept", "text/html")]).status == 406)
        }
    }

    /// A word of the client's ends a request, and its command; that it goes away does not.
    @Test func calledOffByNotification() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let command = #"{"command":"touch started; sleep 600"}"#
            try await peer.send(caller.text(MCPCaller.call("exec", command, id: 7)))
            #expect(try await peer.head().headers["content-type"] == "text/event-stream")
            try await waitForFile("started", caller)
            #expect(!commands(beneath: broker.root).isEmpty)
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#
            #expect(try await caller.send(cancel).status == 202)
            // The stream ends without an answer, once the command is gone.
            #expect(try await peer.event() == nil)
            await peer.close()
            try await waitUntilNoCommandRuns(broker)
        }
    }

    @Test func endOfSessionEndsItsRequests() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            try await peer.send(caller.text(MCPCaller.call("exec", #"{"command":"touch started; sleep 600"}"#)))
            _ = try await peer.head()
            try await waitForFile("started", caller)
            #expect(try await caller.send("", method: "DELETE").status == 204)
            #expect(try await peer.event() == nil)
            await peer.close()
            try await waitUntilNoCommandRuns(broker)
        }
    }

    @Test func tellsOfProgress() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let call = MCPCaller.call("exec", #"{"command":"sleep 600"}"#, id: 3, meta: #"{"progressToken":"t"}"#)
            try await peer.send(caller.text(call))
            _ = try await peer.head()
            let event = try await peer.event()
            #expect(
                event?.contains(#""method":"notifications/progress","params":{"progressToken":"t","progress":"#) == true
            )
            #expect(try await caller.send("", method: "DELETE").status == 204)
            await peer.close()
        }
    }

    @Test func aSecondRequestOfOneIDIsRefused() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            try await peer.send(caller.text(MCPCaller.call("exec", #"{"command":"touch started; sleep 600"}"#, id: 5)))
            _ = try await peer.head()
            try await waitForFile("started", caller)
            #expect(try await caller.send(MCPCaller.call("exec", "{}", id: 5)).status == 400)
            #expect(try await caller.send("", method: "DELETE").status == 204)
            await peer.close()
        }
    }
}

/// Asks until the file is there. Each question takes its time; no other wait is needed.
func waitForFile(_ name: String, _ caller: MCPCaller) async throws {
    while try await caller.send(MCPCaller.call("get_file_info", #"{"path":"\#(name)"}"#, id: 99)).result?["isError"]
        == true
    {}
}

func waitUntilNoCommandRuns(_ broker: InProcessBroker) async throws {
    while !commands(beneath: broker.root).isEmpty { await Task.yield() }
}
