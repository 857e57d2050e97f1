import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
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

    /// What was asked before is answered, nothing new is begun, and whoever asks is told.
    @Test func isNotReadyWhileItDrains() async throws {
        try await withSidePort {
            $0.orgs[0].tokens[0].role = .operator
            $0.limits.drainTimeout = .seconds(600)
        } _: { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let command = #"{"command":"touch started; while [ ! -e go ]; do sleep 0.1; done; echo done"}"#
            try await peer.send(caller.text(MCPCaller.call("exec", command)))
            #expect(try await peer.head().status == 200)
            try await waitForFile("started", caller)
            let address = BrokerAddress.tcp(host: "127.0.0.1", port: UInt16(broker.port))
            let connection = try await BrokerConnection.connect(to: address, token: broker.token())
            async let report = connection.drain()
            var ready = caller
            ready.path = "/readyz"
            while try await ready.send("", method: "GET").status != 503 {}
            let refused = try await caller.send(MCPCaller.initialize)
            #expect(refused.status == 503)
            ready.path = "/healthz"
            #expect(try await ready.send("", method: "GET").status == 200)
            #expect(FileManager.default.createFile(atPath: "\(broker.workspace(key: "demo"))/go", contents: nil))
            let answer = try await peer.event()
            #expect(answer?.contains(#""stdout":"done\n""#) == true)
            #expect(try await report.cancelled == 0)
            await peer.close()
            await connection.close()
        }
    }
}
