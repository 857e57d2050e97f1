import BrokerTestKit
import Testing

@Suite struct HealthTests {
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
}
