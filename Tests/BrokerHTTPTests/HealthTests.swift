import BrokerServer
import BrokerTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    @Test func saysThatItLivesAndIsReady() async throws {
        try await withSidePort { broker in
            for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
                var caller = MCPCaller(broker)
                caller.path = path
                let reply = try await caller.send("", method: "GET", without: ["authorization"])
                #expect(reply.status == 200 && reply.body == body)
            }
            var caller = MCPCaller(broker)
            caller.path = "/nothing"
            #expect(try await caller.send("", method: "GET").status == 404)
        }
    }

    /// What GET is answered with, without its body; the connection goes on.
    @Test func headIsGetWithoutItsBody() async throws {
        try await withSidePort {
            $0.http.metricsOnLoopback = true
        } _: { broker in
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            var caller = MCPCaller(broker)
            for path in ["/healthz", "/readyz", "/metrics", "/", "/dashboard/app.js", "/dashboard/none.js", "/nothing"]
            {
                caller.path = path
                try await peer.send(caller.text("", method: "GET"))
                let get = try await peer.reply()
                try await peer.send(caller.text("", method: "HEAD"))
                let head = try await peer.head()
                #expect(head.status == get.status, "\(path)")
                #expect(head.headers["content-type"] == get.headers["content-type"], "\(path)")
                // Numbers have more digits the next time.
                if path != "/metrics" {
                    #expect(head.headers["content-length"] == get.headers["content-length"], "\(path)")
                }
            }
            for path in ["/api/events", "/api/session"] {
                caller.path = path
                try await peer.send(caller.text("", method: "HEAD"))
                #expect(try await peer.head().status == 404)
            }
            await peer.close()
        }
    }
}
