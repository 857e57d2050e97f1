import AgentBackend
import AuditLog
import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
import ModelContextProtocol
import NIOCore
import Testing

/// What somebody tries who may not is refused, and found in the audit log, by a query of who may ask.
@Suite(.timeLimit(.minutes(1))) struct AuditedRefusalTests {
    /// A broker of two orgs with a log, an operator's connection, and one of an agent of the first org.
    private struct Place {
        let broker: InProcessBroker
        let ops: BrokerConnection
        let opsToken: String
        let agent: BrokerConnection

        /// All that is recorded, the newest first, once what happened before is on the disk.
        func records(of org: String? = nil, by connection: BrokerConnection? = nil) async throws -> [BrokerAuditRecord]
        {
            // A batch of the log holds records of several orgs: when the second one is there, all before the first are.
            for _ in 0..<2 {
                let mark = "mark-\(UInt64.random(in: 0 ... .max))"
                _ = try await agent.write(WorkspacePath(mark), ByteBuffer(), on: BrokerTarget(key: "marks"))
                let query = BrokerAuditQuery(org: "acme", key: "marks", text: mark)
                while try await ops.audit(query).records.isEmpty {}
            }
            var query = BrokerAuditQuery()
            query.org = org
            return try await (connection ?? ops).audit(query).records.filter { $0.key != "marks" }
        }
    }

    private func withPlace(
        configure: (inout BrokerConfiguration) -> Void = { _ in },
        _ body: (Place) async throws -> Void
    ) async throws {
        let ops = Token.generate()
        try await withSidePort(orgs: ["acme", "umbrella"]) {
            $0.audit.isEnabled = true
            $0.limits.authFailureDelay = .zero
            $0.limits.maxAuthFailureDelay = .zero
            $0.orgs[0].tokens.append(TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator))
            configure(&$0)
        } _: { broker in
            let address = try BrokerAddress("127.0.0.1:\(broker.port)")
            let place = Place(
                broker: broker,
                ops: try await BrokerConnection.connect(to: address, token: ops.text),
                opsToken: ops.text,
                agent: try await BrokerConnection.connect(to: address, token: broker.token())
            )
            try await body(place)
            await place.ops.close()
            await place.agent.close()
        }
    }

    /// The only one of its org, which has nothing else recorded.
    private func only(_ records: [BrokerAuditRecord], of org: String) throws -> BrokerAuditRecord {
        let own = records.filter { $0.org == org }
        #expect(own.count == 1, "\(own.map(\.subject))")
        return try #require(own.first)
    }

    @Test func tricksInKeyAndScope() async throws {
        let paths = [
            "/mcp/demo%2fx", "/mcp/%2e%2e", "/mcp/demo/%2e%2e/x", "/mcp/demo/../x", "/mcp/demo/a%2F..%2Fb",
            "/mcp/demo/%00", "/mcp/-demo", "/mcp/.tmp",
        ]
        // Each by another token: those of one are counted together.
        let tokens = paths.map { _ in Token.generate() }
        try await withPlace {
            $0.orgs[1].tokens += tokens.map { TokenRecord(id: $0.id, name: "trickster", hash: $0.hash) }
        } _: { place in
            for (path, token) in zip(paths, tokens) {
                let caller = MCPCaller(place.broker, path: path)
                let bearer = [("Authorization", "Bearer \(token.text)")]
                #expect(try await caller.send(MCPCaller.initialize, headers: bearer).status == 400, "\(path)")
            }
            let records = try await place.records().filter { $0.org == "umbrella" }
            #expect(records.count == paths.count)
            for (path, token) in zip(paths, tokens) {
                let record = try #require(records.first { $0.tokenID == token.id }, "\(path)")
                #expect(record.operation == "mcp" && record.outcome == "INVALID_ARGUMENT", "\(path)")
                #expect(record.subject.hasPrefix("POST \(path): "))
                #expect(record.tokenName == "trickster" && record.peer.hasPrefix("127.0.0.1:"))
            }
        }
    }

    @Test func tricksInTheHeader() async throws {
        try await withPlace { place in
            let caller = MCPCaller(place.broker, org: "umbrella", path: "/mcp")
            let reply = try await caller.send(MCPCaller.initialize, headers: [("X-Scope-Path", "demo/../../acme")])
            #expect(reply.status == 400)
            let record = try only(try await place.records(), of: "umbrella")
            #expect(record.subject.hasPrefix("POST /mcp: X-Scope-Path demo/../../acme: "))
        }
    }

    @Test func anotherOrgsSessionAndCommand() async throws {
        try await withPlace { place in
            var caller = MCPCaller(place.broker)
            try await caller.begin()
            let started = try await caller.send(MCPCaller.call("exec_start", #"{"command":"sleep 600"}"#))
            let id = try #require(started.result?["structuredContent"]?["id"]?.wholeNumber)
            var other = MCPCaller(place.broker, org: "umbrella")
            other.session = caller.session
            #expect(try await other.send(MCPCaller.call("exec_list")).status == 404)
            var found = try only(try await place.records(), of: "umbrella")
            #expect(found.operation == "mcp" && found.outcome == "NOT_FOUND" && found.key == "demo")
            #expect(found.subject == "a session that is another's, or none")
            try await other.begin()
            let json = [("Accept", "application/json")]
            _ = try await other.send(MCPCaller.call("exec_kill", #"{"id":\#(id)}"#), headers: json)
            found = try #require(try await place.records().first { $0.org == "umbrella" })
            // It is counted apart from the session.
            #expect(found.outcome == "NOT_FOUND" && found.subject == "exec_kill command \(id)")
            _ = try await other.send(MCPCaller.call("exec_kill", #"{"id":\#(id)}"#), headers: json)
            found = try #require(try await place.records().first { $0.org == "umbrella" })
            #expect(found.subject == "exec_kill command \(id) (2 of this kind within a minute)")
            // The end of the broker would wait for it.
            _ = try await caller.send(MCPCaller.call("exec_kill", #"{"id":\#(id)}"#), headers: json)
        }
    }

    @Test func aPathThatLeadsOut() async throws {
        try await withPlace { place in
            var caller = MCPCaller(place.broker, org: "umbrella")
            try await caller.begin()
            let reply = try await caller.send(MCPCaller.call("read_file", #"{"path":"../../acme/demo/f"}"#))
            #expect(reply.text?.hasPrefix("PATH_ESCAPE_ATTEMPT") == true)
            let record = try only(try await place.records(), of: "umbrella")
            #expect(record.operation == "mcp" && record.outcome == "PATH_ESCAPE_ATTEMPT" && record.key == "demo")
            #expect(record.subject == "read_file ../../acme/demo/f")
        }
    }

    /// However many paths of one call lead out, one record says so.
    @Test func aListOfPathsThatLeadOut() async throws {
        try await withPlace { place in
            var caller = MCPCaller(place.broker, org: "umbrella")
            try await caller.begin()
            let paths = Array(repeating: #""..""#, count: 1000).joined(separator: ",")
            _ = try await caller.send(MCPCaller.call("read_multiple_files", #"{"paths":[\#(paths)]}"#))
            let record = try only(try await place.records(), of: "umbrella")
            #expect(record.outcome == "PATH_ESCAPE_ATTEMPT" && record.subject == "read_multiple_files ..")
        }
    }

    /// What the dashboard refuses itself, and what it leaves to the wire.
    @Test func theDashboard() async throws {
        try await withPlace { place in
            let page = try await DashboardPage(place.broker, token: place.broker.token(of: "umbrella"))
            for (method, path, status, operation, outcome, subject) in [
                ("GET", "/api/audit?org=acme", 403, "audit_query", "PERMISSION_DENIED", "org acme"),
                ("GET", "/api/audit?org=_broker", 403, "audit_query", "PERMISSION_DENIED", "org _broker"),
                ("GET", "/api/orgs/acme/keys/k/execs/1/output", 403, "exec_attach", "PERMISSION_DENIED", "org acme"),
                ("POST", "/api/orgs/acme/keys/k/execs/1/kill", 403, "kill_command", "PERMISSION_DENIED", "org acme"),
                ("POST", "/api/orgs/acme/keys/k/destroy", 403, "destroy_entry", "PERMISSION_DENIED", "org acme"),
                ("POST", "/api/orgs/a%2fb/keys/k/destroy", 400, "dashboard", "INVALID_ARGUMENT", "/api/orgs/a%2fb/"),
                ("POST", "/api/drain", 403, "dashboard", "PERMISSION_DENIED", "/api/drain"),
            ] {
                #expect(try await page.send(method, path).status == status, "\(path)")
                let found = try #require(try await place.records().first { $0.org == "umbrella" })
                #expect(found.operation == operation && found.outcome == outcome, "\(path): \(found.operation)")
                #expect(found.subject.contains(subject), "\(path): \(found.subject)")
                #expect(found.tokenName == "test")
            }
        }
    }

    @Test func aCommandOfAnotherKey() async throws {
        try await withPlace { place in
            let page = try await DashboardPage(place.broker, token: place.broker.token())
            let sleep = ExecRequest(.shellLine(Array("sleep 600".utf8)))
            let command = try await place.agent.execDetached(sleep, on: BrokerTarget(key: "k"))
            let path = "/api/orgs/acme/keys/other/execs/\(command.id)/kill"
            #expect(try await page.send("POST", path).status == 404)
            let record = try #require(try await place.records().first)
            #expect(record.operation == "dashboard" && record.outcome == "NOT_FOUND" && record.org == "acme")
            #expect(record.subject == "POST \(path): a command of another key")
            try await command.kill()
        }
    }

    /// A token that is narrowed to keys is not told whether a command of another one runs.
    @Test func aCommandOfAForbiddenKey() async throws {
        let narrow = Token.generate()
        try await withPlace {
            let keys = [KeyPattern.exactly("own")]
            $0.orgs[0].tokens.append(TokenRecord(id: narrow.id, name: "narrow", hash: narrow.hash, keyPatterns: keys))
        } _: { place in
            let page = try await DashboardPage(place.broker, token: narrow.text)
            let sleep = ExecRequest(.shellLine(Array("sleep 600".utf8)))
            let command = try await place.agent.execDetached(sleep, on: BrokerTarget(key: "k"))
            for (method, verb) in [("POST", "kill"), ("GET", "output")] {
                var answers: [HTTPPeer.Reply] = []
                for number in [command.id, command.id + 1] {
                    answers.append(try await page.send(method, "/api/orgs/acme/keys/own/execs/\(number)/\(verb)"))
                }
                #expect(answers.map(\.status) == [404, 404], "\(verb)")
                #expect(answers[0].body == answers[1].body.replacing("\(command.id + 1)", with: "\(command.id)"))
                #expect(answers[0].body.contains("no command \(command.id) runs that the token may use"), "\(verb)")
                // Nor does a token that may know of it hear of another key in other words.
                let own = try await DashboardPage(place.broker, token: place.broker.token())
                let mismatch = try await own.send(method, "/api/orgs/acme/keys/own/execs/\(command.id)/\(verb)")
                #expect(mismatch.status == 404 && mismatch.body == answers[0].body, "\(verb)")
            }
            try await command.kill()
        }
    }

    @Test func otherPagesAndTheirForgeries() async throws {
        try await withPlace { place in
            let page = try await DashboardPage(place.broker, token: place.broker.token(of: "umbrella"))
            let path = "/api/orgs/umbrella/keys/k/destroy"
            #expect(try await page.send("POST", path, headers: ["X-CSRF-Token": "x"]).status == 403)
            var record = try only(try await place.records(), of: "umbrella")
            #expect(record.subject == "POST \(path): without the session's X-CSRF-Token")
            #expect(try await page.send("POST", path, headers: ["Origin": "http://evil.example"]).status == 403)
            record = try #require(try await place.records().first { $0.org == "umbrella" })
            #expect(record.subject == "POST \(path): its Origin may not")
            // With a token that is known, and without: the answer does not say.
            let caller = MCPCaller(place.broker, org: "umbrella")
            let origin = ("Origin", "http://evil.example")
            let known = try await caller.send(MCPCaller.initialize, headers: [origin])
            record = try #require(try await place.records().first { $0.org == "umbrella" })
            #expect(record.operation == "mcp" && record.outcome == "PERMISSION_DENIED" && record.tokenName == "test")
            let bearer = ("Authorization", "Bearer \(Token.generate().text)")
            let unknown = try await caller.send(MCPCaller.initialize, headers: [origin, bearer])
            record = try only(try await place.records(), of: "_broker")
            #expect(record.operation == "mcp" && record.outcome == "PERMISSION_DENIED" && record.tokenID.isEmpty)
            #expect(known.status == 403 && unknown.status == 403 && known.body == unknown.body)
        }
    }

    /// Over the wire, MCP, the dashboard and the metrics; each is told by how its client calls itself.
    @Test func tokensThatAreNotKnown() async throws {
        try await withPlace {
            $0.http.metricsOnLoopback = false
        } _: { place in
            let wrong = Token.generate()
            var caller = MCPCaller(place.broker)
            let bearer = [("Authorization", "Bearer \(wrong.text)")]
            #expect(try await caller.send(MCPCaller.initialize, headers: bearer).status == 401)
            let record = try only(try await place.records(), of: "_broker")
            #expect(record.operation == "hello" && record.outcome == "AUTH_FAILED" && record.clientName == "http")
            #expect(record.tokenID == wrong.id && record.tokenName.isEmpty && record.peer.hasPrefix("127.0.0.1:"))
            var page = DashboardPage(place.broker)
            #expect(try await page.logIn(wrong.text).status == 401)
            let login = try #require(try await place.records(of: "_broker").first)
            #expect(login.clientName == "dashboard")
            #expect(login.subject == "a token that is not known (2 of this kind within a minute)")
            caller.path = "/metrics"
            #expect(try await caller.send("", method: "GET", headers: bearer).status == 401)
            await #expect(throws: BackendError.self) {
                let address = try BrokerAddress("127.0.0.1:\(place.broker.port)")
                _ = try await BrokerConnection.connect(to: address, token: wrong.text)
            }
            let four = try #require(try await place.records(of: "_broker").first)
            #expect(four.subject.hasSuffix("(4 of this kind within a minute)"))

            // Of those of an org nobody sees it, and nowhere is the token.
            let own = try await place.records(by: place.agent)
            #expect(own.allSatisfy { $0.org == "acme" })
            await #expect(throws: BackendError.self) { try await place.records(of: "_broker", by: place.agent) }
            let secret = wrong.text.suffix(64)
            let log = "\(place.broker.root)/audit/orgs/_broker"
            for name in try FileManager.default.contentsOfDirectory(atPath: log) {
                let text = try String(contentsOf: URL(filePath: "\(log)/\(name)"), encoding: .utf8)
                #expect(!text.contains(secret))
            }
            let files = AuditFiles(path: "\(place.broker.root)/audit")
            #expect(try files.orgs() == ["_broker", "acme"])
            #expect(try files.verify("_broker").findingCount == 0)
        }
    }

    /// However many come, the log hardly grows.
    @Test func aFloodOfWrongTokens() async throws {
        try await withPlace { place in
            var page = DashboardPage(place.broker)
            for _ in 0..<100 { #expect(try await page.logIn(Token.generate().text).status == 401) }
            let records = try await place.records(of: "_broker")
            #expect(records.count == 7)
            #expect(records.first?.subject.hasSuffix("(64 of this kind within a minute)") == true)
        }
    }
}
