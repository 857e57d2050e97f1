import BrokerServer
import BrokerTestKit
import ModelContextProtocol
import Testing

/// Nobody gets at what the wire would not give.
@Suite struct AccessTests {
    @Test func wrongTokens() async throws {
        try await withSidePort { broker in
            let caller = MCPCaller(broker)
            for header in [
                nil, "Bearer ab_0123456789abcdef_00", "Bearer", "Basic \(caller.token)", "Bearer \(caller.token)x",
            ] {
                let headers = header.map { [("Authorization", $0)] } ?? []
                let reply = try await caller.send(MCPCaller.initialize, headers: headers, without: ["authorization"])
                #expect(reply.status == 401 && reply.headers["www-authenticate"] == "Bearer", "\(header ?? "none")")
            }
            let twice = [("Authorization", "Bearer \(caller.token)"), ("Authorization", "Bearer \(caller.token)")]
            #expect(try await caller.send(MCPCaller.initialize, headers: twice).status == 401)
        }
    }

    @Test func foreignPages() async throws {
        try await withSidePort {
            $0.http.allowedOrigins = ["https://agents.example.com"]
        } _: { broker in
            let caller = MCPCaller(broker)
            for (origin, status) in [
                ("http://evil.example", 403), ("http://localhost.evil.example", 403),
                ("http://127.0.0.1.evil.example", 403),
                ("null", 403), ("https://agents.example.com:8443", 403), ("https://agents.example.com", 200),
                ("http://localhost:3000", 200), ("http://127.0.0.1", 200), ("http://[::1]:80", 200),
            ] {
                let reply = try await caller.send(MCPCaller.initialize, headers: [("Origin", origin)])
                #expect(reply.status == status, "\(origin)")
            }
        }
    }

    /// An org's session, commands and files are that org's.
    @Test func anotherOrg() async throws {
        try await withSidePort(orgs: ["acme", "umbrella"]) { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let started = try await caller.send(MCPCaller.call("exec_start", #"{"command":"sleep 600"}"#))
            let id = try #require(started.result?["structuredContent"]?["id"]?.wholeNumber)
            _ = try await caller.send(MCPCaller.call("write_file", #"{"path":"secret","content":"x"}"#))

            var other = MCPCaller(broker, org: "umbrella")
            other.session = caller.session
            #expect(try await other.send(MCPCaller.call("exec_list")).status == 404)
            #expect(try await other.send("", method: "DELETE").status == 404)
            try await other.begin()
            for tool in ["exec_output", "exec_kill", "exec_input"] {
                let call = MCPCaller.call(tool, #"{"id":\#(id)}"#)
                let reply = try await other.send(call, headers: [("Accept", "application/json")])
                #expect(reply.text?.hasPrefix("NOT_FOUND") == true)
            }
            let list = try await other.send(MCPCaller.call("exec_list"))
            #expect(list.result?["structuredContent"]?["commands"] == [])
            let read = try await other.send(MCPCaller.call("read_file", #"{"path":"secret"}"#))
            #expect(read.text?.hasPrefix("READ_FAILED (NOT_FOUND)") == true)
            // Its own session is about its own key.
            caller.path = "/mcp/other"
            #expect(try await caller.send(MCPCaller.call("exec_list")).status == 404)
        }
    }

    @Test(arguments: [
        "/mcp", "/mcp//demo", "/mcp/demo%2fx", "/mcp/demo%00", "/mcp/..", "/mcp/%2e%2e", "/mcp/demo/%2e%2e/x",
        "/mcp/demo/../x", "/mcp/demo/a%2fb", "/mcp/demo/a%2F..%2F..%2Fb", "/mcp/demo/./x", "/mcp/demo//x",
        "/mcp/demo/%",
        "/mcp/demo/%4", "/mcp/demo/%+1", "/mcp/demo/%0a", "/mcp/-demo", "/mcp/demo\\x", "/mcp/de%6do", "/mcp/.tmp",
    ])
    func tricksInThePath(_ path: String) async throws {
        try await withSidePort { broker in
            let reply = try await MCPCaller(broker, path: path).send(MCPCaller.initialize)
            #expect(reply.status == 400 || reply.status == 404)
            #expect(broker.entries(of: "v1/orgs/acme").allSatisfy { $0.hasPrefix(".") })
        }
    }

    @Test func keyAndScope() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker, path: "/mcp/demo/a%20b/c")
            try await caller.begin()
            _ = try await caller.send(MCPCaller.call("write_file", #"{"path":"/workspace/x","content":"1"}"#))
            var whole = MCPCaller(broker, path: "/mcp")
            let header = [("X-Scope-Path", "demo")]
            whole.session = try await whole.send(MCPCaller.initialize, headers: header).headers["mcp-session-id"]
            let read = MCPCaller.call("read_file", #"{"path":"a b/c/x"}"#)
            #expect(try await whole.send(read, headers: header).text == "1")
            #expect(try await MCPCaller(broker).send(MCPCaller.initialize, headers: header).status == 400)
            let climb = try await caller.send(MCPCaller.call("read_file", #"{"path":"../c/x"}"#))
            #expect(climb.text?.hasPrefix("PATH_ESCAPE_ATTEMPT") == true)
            let command = try await caller.send(
                MCPCaller.call("exec", #"{"command":"ls; ls .. | wc -l"}"#),
                headers: [
                    ("Accept", "application/json")
                ]
            )
            #expect(command.result?["structuredContent"]?["stdout"]?.text?.hasPrefix("x\n") == true)
        }
    }

    /// A token's own limits hold here as they do on the wire.
    @Test func readOnlyTokens() async throws {
        try await withSidePort {
            $0.orgs[0].tokens[0].isReadOnly = true
        } _: { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let reply = try await caller.send(MCPCaller.call("write_file", #"{"path":"a","content":"x"}"#))
            #expect(reply.result?["isError"] == true && reply.text?.hasPrefix("PERMISSION_DENIED") == true)
        }
    }
}
