import AgentBackend
import BrokerHTTP
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct MetricsTests {
    @Test func everyNumberIsWhatAClientCounted() async throws {
        try await withSidePort(orgs: ["acme", "umbrella"], configure: { $0.http.metricsOnLoopback = true }) { broker in
            var client = try await CountingClient(broker)
            try await client.makeCalls()
            let cpu = try await Scrape.of(broker).family("agent_broker_exec_cpu_seconds_total", org: "acme")
            // Clients are told microseconds.
            #expect(abs((cpu[#"mode="user""#] ?? -1) - client.userTime / .seconds(1)) < 2e-5)
            #expect(abs((cpu[#"mode="system""#] ?? -1) - client.systemTime / .seconds(1)) < 2e-5)
            // What this one uses its client is not told.
            try await client.cancelledExec()
            let scrape = try await Scrape.of(broker)
            #expect(scrape.reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(scrape.family("agent_broker_calls_total", org: "acme") == client.calls)
            #expect(scrape.family("agent_broker_execs_total", org: "acme") == client.execs)
            #expect(scrape[series: #"agent_broker_received_bytes_total{org="acme"}"#] == Double(client.sentBytes))
            #expect(
                scrape[series: #"agent_broker_sent_bytes_total{org="acme"}"#] == Double(try await client.receivedBytes)
            )
            for (operations, count) in client.classes {
                let name = #"agent_broker_call_duration_seconds_count{org="acme",class="\#(operations)"}"#
                #expect(scrape[series: name] == Double(count), "\(operations)")
            }
            #expect(scrape[series: #"agent_broker_connections{org="acme"}"#] == 1)
            #expect(scrape[series: #"agent_broker_limit_used{org="acme",limit="org_connections"}"#] == 1)
            #expect(scrape[series: #"agent_broker_execs_running{org="acme"}"#] == 0)
            #expect(scrape[series: #"agent_broker_connections{org="umbrella"}"#] == 0)
            #expect(scrape.family("agent_broker_calls_total", org: "umbrella").isEmpty)
            #expect(!scrape.reply.body.contains(CountingClient.key))
            await client.close()
        }
    }

    /// Whatever they are, they are there: Prometheus has rules about them.
    @Test func tellsWhatTheBrokerIsAndHas() async throws {
        try await withSidePort(configure: { $0.http.metricsOnLoopback = true }) { broker in
            _ = try await Scrape.of(broker)
            let scrape = try await Scrape.of(broker)
            for name in [
                "agent_broker_uptime_seconds", "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
                "process_cpu_seconds_total", "process_threads",
            ] {
                #expect(try #require(scrape[series: name], "\(name)") > 0)
            }
            #expect(scrape[series: "agent_broker_draining"] == 0)
            #expect(scrape[series: "agent_broker_auth_failures_total"] == 0)
            #expect(scrape[series: #"agent_broker_event_loop_delay_seconds{loop="0"}"#] != nil)
            #expect(scrape[series: #"agent_broker_shared_limit_allowed{limit="entries"}"#] == 10_000)
            let requests = #"agent_broker_http_requests_total{code="200",method="GET",route="/metrics"}"#
            #expect(scrape[series: requests] == 1)
            #expect(scrape[series: #"agent_broker_http_request_duration_seconds_count{route="/metrics"}"#] == 1)
        }
    }

    @Test func theOrgsThatCameLaterHaveSeriesTogether() async throws {
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.http.metricsOnLoopback = true
            $0.http.metricsMaxOrgs = 1
        }
        try await withSidePort(orgs: ["acme", "hooli", "umbrella"], configure: configure) { broker in
            for (org, count) in [("acme", 1), ("hooli", 2), ("umbrella", 3)] {
                var client = try await CountingClient(broker, org: org)
                for _ in 0..<count { try await client.call(.echo, named: "echo", of: "echo") }
                await client.close()
            }
            let scrape = try await Scrape.of(broker)
            let echoes = #"operation="echo",code="OK""#
            #expect(scrape.family("agent_broker_calls_total", org: "acme") == [echoes: 1])
            #expect(scrape.family("agent_broker_calls_total", org: "_other") == [echoes: 5])
            #expect(scrape[series: #"agent_broker_limit_allowed{org="_other",limit="org_entries"}"#] == 2000)
            #expect(!scrape.reply.body.contains("hooli") && !scrape.reply.body.contains("umbrella"))
        }
    }

    @Test func onlyWhoMayReadsThem() async throws {
        let token = Token.generate()
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.orgs[1].tokens[0].role = .operator
            $0.http.metricsTokenHash = token.hash
            $0.limits.authFailureDelay = .milliseconds(1)
        }
        try await withSidePort(orgs: ["acme", "operations", "umbrella"], configure: configure) { broker in
            let refused = try await Scrape.of(broker).reply
            #expect((refused.status, refused.headers["www-authenticate"]) == (401, "Bearer"))
            #expect(try await Scrape.of(broker, token: Token.generate().text).reply.status == 401)
            for token in [broker.token(of: "operations"), token.text] {
                let scrape = try await Scrape.of(broker, token: token)
                #expect(scrape.reply.status == 200)
                #expect(scrape[series: #"agent_broker_connections{org="umbrella"}"#] == 0)
                #expect(scrape[series: "process_open_fds"] != nil)
                #expect(scrape[series: "agent_broker_auth_failures_total"] == 1)
            }
            // Their own, and nothing of the broker or of others.
            let own = try await Scrape.of(broker, token: broker.token(of: "umbrella"))
            #expect(own[series: #"agent_broker_connections{org="umbrella"}"#] == 1)
            #expect(own.series.keys.allSatisfy { $0.contains(#"org="umbrella""#) })
            // It is good for nothing else.
            var caller = MCPCaller(broker)
            caller.path = "/mcp/demo"
            let headers = [("Authorization", "Bearer \(token.text)")]
            #expect(try await caller.send(MCPCaller.initialize, headers: headers).status == 401)
        }
    }

    /// Whoever reads the numbers of one org makes the broker look at that org alone.
    @Test func anOrgsOwnAreLookedAtAlone() async throws {
        let front = WatchedSidePort()
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.http.listen = [TCPAddress(host: "127.0.0.1", port: 0)]
            $0.orgs[1].tokens[0].role = .operator
        }
        try await withBroker(orgs: ["acme", "operations"], configure: configure, front: front) { broker in
            for _ in 0..<3 {
                #expect(try await Scrape.of(broker, token: broker.token()).reply.status == 200)
            }
            let page = try await DashboardPage(broker, token: broker.token())
            try await page.stream("/api/events") { peer, _ async throws in
                for _ in 0..<2 { #expect(try await peer.event(named: "overview") != nil) }
            }
            #expect(front.looks == 0)
            #expect(try await Scrape.of(broker, token: broker.token(of: "operations")).reply.status == 200)
            #expect(front.looks == 1)
        }
    }

    /// They are calls of the org, of which it may make no more than its rate.
    @Test func readingThemCountsAsCalls() async throws {
        let (clock, watcher) = (MockClock(), Token.generate())
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.http.listen = [TCPAddress(host: "127.0.0.1", port: 0)]
            $0.http.metricsTokenHash = watcher.hash
            $0.orgs[0].limits.maxCallsPerSecond = 4
        }
        try await withBroker(configure: configure, front: SidePort(), time: BrokerTime(clock: clock)) { broker in
            for _ in 0..<4 { _ = try await Scrape.of(broker, token: broker.token()) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var client = try await CountingClient(broker)
                    try await client.call(.echo, named: "echo", of: "echo")
                    await client.close()
                }
                while true {
                    let scrape = try await Scrape.of(broker, token: watcher.text)
                    try #require(scrape.family("agent_broker_calls_total", org: "acme").isEmpty)
                    if scrape[series: #"agent_broker_calls_queued{org="acme"}"#] == 1 { break }
                }
                clock.advance(by: .seconds(1))
                try await group.waitForAll()
            }
        }
    }
}
