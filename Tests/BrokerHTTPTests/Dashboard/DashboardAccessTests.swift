import BrokerClient
import BrokerServer
import BrokerTestKit
import BrokerWire
import HTTPTypes
import ModelContextProtocol
import NIOCore
import Testing

@testable import BrokerHTTP

/// Who gets into the dashboard, and who does not.
@Suite(.timeLimit(.minutes(1))) struct DashboardAccessTests {
    @Test func aLoginIsKeptInACookieThatNoScriptAndNoOtherSiteGets() async throws {
        try await withSidePort { broker in
            var page = DashboardPage(broker)
            #expect(try await page.send("GET", "/api/session").status == 401)
            let login = try await page.logIn(broker.token())
            #expect(login.status == 200)
            #expect(login.json["org"]?.text == "acme")
            #expect(login.json["operator"]?.flag == false)
            #expect(login.json["read_only"]?.flag == false)
            let cookie = try #require(login.headers["set-cookie"])
            let parts = cookie.split(separator: ";").map { $0.drop { $0 == " " } }
            let name = "agent_broker_session_\(page.port)="
            #expect(parts.first?.hasPrefix(name) ?? false)
            #expect(parts.first?.count == name.count + 64)
            #expect(Set(parts.dropFirst()) == ["HttpOnly", "SameSite=Strict", "Path=/"])
            let again = try await page.send("GET", "/api/session")
            #expect(again.status == 200)
            #expect(again.json == login.json)
            let logout = try await page.send("DELETE", "/api/session")
            #expect(logout.status == 204)
            #expect(logout.headers["set-cookie"]?.contains("Max-Age=0") ?? false)
            #expect(try await page.send("GET", "/api/session").status == 401)
        }
    }

    /// A browser sends the cookies of a host to all of its ports.
    @Test func theCookieIsThatOfTheAddressThatWasAsked() async throws {
        try await withSidePort { broker in
            var page = DashboardPage(broker)
            try await page.logIn(broker.token())
            let own = try #require(page.cookie)
            let elsewhere = "agent_broker_session_1=\(String(repeating: "0", count: 64))"
            let both = ["Cookie": "\(elsewhere); \(own)"]
            #expect(try await page.send("GET", "/api/session", headers: both).status == 200)
            let moved = ["Cookie": own, "Host": "127.0.0.1:1"]
            #expect(try await page.send("GET", "/api/session", headers: moved).status == 401)
        }
    }

    @Test func aWrongTokenIsRefused() async throws {
        try await withSidePort {
            $0.limits.authFailureDelay = .zero
            $0.limits.maxAuthFailureDelay = .zero
        } _: { broker in
            var page = DashboardPage(broker)
            let refused = try await page.logIn(Token.generate().text)
            #expect(refused.status == 401)
            #expect(refused.json["error"]?["reason"]?.text == "AUTH_FAILED")
            #expect(refused.headers["set-cookie"] == nil)
            for body in ["", "{}", "[]", #"{"token":5}"#, #"{"token":""}"#, String(repeating: "x", count: 5000)] {
                let reply = try await page.send("POST", "/api/session", body)
                #expect(reply.status == (body.count > 4096 ? 413 : 400), "\(body.prefix(20))")
            }
            let form = try await page.send(
                "POST",
                "/api/session",
                #"{"token":"\#(broker.token())"}"#,
                headers: ["Content-Type": "text/plain"]
            )
            #expect(form.status == 400)
        }
    }

    @Test func whatAnotherPageAsksForIsRefused() async throws {
        try await withSidePort {
            $0.http.allowedOrigins = ["https://ops.example.com"]
        } _: { broker in
            let page = try await DashboardPage(broker, token: broker.token())
            let path = "/api/orgs/acme/keys/k/destroy"
            for origin in [
                nil, "null", "http://evil.example", "http://127.0.0.1:1", "http://127.0.0.1:\(page.port).evil.example",
            ] {
                let reply = try await page.send("POST", path, headers: ["Origin": origin])
                #expect(reply.status == 403, "\(origin ?? "none")")
                let login = try await page.send(
                    "POST",
                    "/api/session",
                    #"{"token":"\#(broker.token())"}"#,
                    headers: ["Origin": origin]
                )
                #expect(login.status == 403, "\(origin ?? "none")")
            }
            let allowed = try await page.send("POST", path, headers: ["Origin": "https://ops.example.com"])
            #expect(allowed.status == 404)
        }
    }

    @Test func whatDoesNotShowTheSecretIsRefused() async throws {
        try await withSidePort { broker in
            let page = try await DashboardPage(broker, token: broker.token())
            let other = try await DashboardPage(broker, token: broker.token())
            for secret in [nil, "", other.secret, page.secret.map { "\($0)x" }] {
                for path in ["/api/orgs/acme/keys/k/destroy", "/api/orgs/acme/keys/k/execs/1/kill", "/api/drain"] {
                    let reply = try await page.send("POST", path, headers: ["X-CSRF-Token": secret])
                    #expect(reply.status == 403)
                    #expect(reply.json["error"]?["message"]?.text?.contains("X-CSRF-Token") ?? false)
                }
                #expect(try await page.send("DELETE", "/api/session", headers: ["X-CSRF-Token": secret]).status == 403)
            }
            #expect(try await page.send("GET", "/api/session").status == 200)
        }
    }

    @Test func everyAnswerSaysWhatABrowserMayDoWithIt() async throws {
        try await withSidePort { broker in
            let page = try await DashboardPage(broker, token: broker.token())
            for (method, path) in [
                ("GET", "/"), ("GET", "/dashboard/none.js"), ("GET", "/dashboard/..%2fx"), ("GET", "/api/session"),
                ("GET", "/api/none"), ("POST", "/api/drain"), ("POST", "/api/orgs/acme/keys/k/destroy"),
                ("GET", "/api/orgs/acme/keys/k/execs/1/output"), ("DELETE", "/api/events"), ("DELETE", "/api/session"),
            ] {
                let reply = try await page.send(method, path)
                #expect(
                    reply.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'")
                        ?? false
                )
                #expect(reply.headers["x-content-type-options"] == "nosniff", "\(path)")
                #expect(reply.headers["referrer-policy"] == "no-referrer", "\(path)")
                #expect(reply.headers["cross-origin-opener-policy"] == "same-origin", "\(path)")
            }
        }
    }

    @Test func sessionsAreBounded() async throws {
        try await withSidePort(orgs: ["acme", "umbrella"]) {
            $0.http.maxDashboardSessions = 8
        } _: { broker in
            let first = try await DashboardPage(broker, token: broker.token())
            _ = try await DashboardPage(broker, token: broker.token())
            var third = DashboardPage(broker)
            let refused = try await third.logIn(broker.token())
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] != nil)
            // One token has a quarter of them, and keeps nobody else out.
            _ = try await DashboardPage(broker, token: broker.token(of: "umbrella"))
            try await first.send("DELETE", "/api/session")
            #expect(try await third.logIn(broker.token()).status == 200)
        }
    }

    @Test func aSessionThatNobodyUsesEnds() async throws {
        try await withSidePort {
            $0.http.sessionIdleTimeout = .milliseconds(100)
            $0.http.maxDashboardSessions = 1
        } _: { broker in
            let first = try await DashboardPage(broker, token: broker.token())
            var second = DashboardPage(broker)
            // Its end makes room.
            while try await second.logIn(broker.token()).status != 200 {}
            #expect(try await first.send("GET", "/api/session").status == 401)
        }
    }

    @Test func aTokenThatIsRevokedEndsItsSessions() async throws {
        let (ops, agent) = (Token.generate(), Token.generate())
        try await withSidePort {
            $0.orgs[0].tokens += [
                TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator),
                TokenRecord(id: agent.id, name: "agent", hash: agent.hash),
            ]
        } reloaded: {
            $0.orgs[0].tokens.removeAll { $0.id == agent.id }
        } _: { broker in
            let page = try await DashboardPage(broker, token: agent.text)
            try await page.stream("/api/events") { peer, head in
                #expect(head.status == 200)
                #expect(try await peer.event(named: "overview") != nil)
                try await BrokerConnection.withConnection(
                    to: try BrokerAddress("127.0.0.1:\(broker.port)"),
                    token: ops.text
                ) { connection async throws in
                    #expect(try await connection.reload().connectionsEnded == 1)
                }
                #expect(try await peer.event(named: "bye")?["reason"]?.text == "token revoked")
                #expect(try await peer.event() == nil)
            }
            #expect(try await page.send("GET", "/api/session").status == 401)
        }
    }

    /// Whoever is logged in is so, also where the last one before logs out at that moment.
    @Test func aLoginIsGoodWhileOthersLogOut() async throws {
        try await withSidePort { broker in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<25 {
                            let page = try await DashboardPage(broker, token: broker.token())
                            #expect(try await page.send("GET", "/api/session").status == 200)
                            #expect(try await page.send("DELETE", "/api/session").status == 204)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// A feed goes on while a login is about to have it, whoever logs out meanwhile.
    @Test func aFeedIsKeptForALoginThatIsUnderWay() async throws {
        let front = WatchedSidePort()
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.http.listen = [TCPAddress(host: "127.0.0.1", port: 0)]
        }
        try await withBroker(configure: configure, front: front) { broker in
            let feeds = DashboardFeeds(try #require(front.broker))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await feeds.run { _ in } }
                let feed = try await feeds.feed(broker.token(), for: nil)
                #expect(try await feeds.feed(broker.token(), for: nil) === feed)
                feeds.release(feed)
                #expect(try await feeds.feed(broker.token(), for: nil) === feed)
                feeds.release(feed)
                feeds.release(feed)
                let next = try await feeds.feed(broker.token(), for: nil)
                #expect(next !== feed)
                feeds.release(next)
                feeds.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test func aPathIsReadAsItIsWritten() throws {
        #expect(try DashboardRoute(.post, path: "/api/orgs/a/keys/k%2e/destroy?x=1") == .destroy(org: "a", key: "k."))
        let command = DashboardRoute.Command(org: "a", key: "k", number: 7)
        #expect(try DashboardRoute(.post, path: "/api/orgs/a/keys/k/execs/7/kill") == .kill(command))
        let keyless = DashboardRoute.Command(org: "a", key: "", number: 7)
        #expect(try DashboardRoute(.get, path: "/api/orgs/a/keys//execs/7/output") == .output(keyless))
        for path in [
            "/api/orgs/a%2fb/keys/k/destroy", "/api/orgs/a/keys/%2e%2e/destroy", "/api/orgs/a/keys/k%00/destroy",
            "/api/orgs/a/keys/../keys/k/destroy", "/api/orgs//keys/k/destroy", "/api/orgs/a/keys//destroy",
            "/api/orgs/a/keys/k%/destroy", "/api/orgs/a/keys/k/destroy/", "//api/orgs/a/keys/k/destroy",
            "/api/orgs/a/keys/k/execs/-1/kill", "/api/orgs/a/keys/k/execs/%37/kill",
            "/api/orgs/a/keys/%2e/execs/7/kill", "/api/orgs/a;b/keys/k/destroy", "/api/orgs/./keys/k/destroy",
        ] {
            #expect(throws: (any Error).self, "\(path)") { try DashboardRoute(.post, path: path) }
        }
    }
}
