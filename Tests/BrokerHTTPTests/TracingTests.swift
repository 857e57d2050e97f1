import BrokerTestKit
import Testing

@Suite struct TracingTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static let show = MCPCaller.call("exec", #"{"command":"printf %s \"<$TRACEPARENT>\""}"#)

    @Test func aCommandKnowsTheTraceOfItsRequest() async throws {
        try await withSidePort { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let told = try await caller.send(Self.show, headers: [("traceparent", Self.parent)])
            #expect(told.body.contains("<\(Self.parent)>"))
            // Of another request, over the same connection to the broker.
            #expect(try await caller.send(Self.show).body.contains("<>"))
            #expect(try await caller.send(Self.show, headers: [("traceparent", "strange")]).body.contains("<>"))
        }
    }
}
