import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
import Testing

/// The end of a broker, as those see it who come by HTTP.
@Suite(.timeLimit(.minutes(1))) struct DrainingTests {
    /// Who has it end.
    enum Cause: CaseIterable {
        case dashboard
        case wire
    }

    /// What is under way is answered, nothing new begins, and whoever asks whether the broker is ready hears that it is
    /// not. It would wait for ten minutes; that the test ends says that it waits for nothing else.
    @Test(arguments: Cause.allCases)
    func whatIsUnderWayIsAnswered(_ cause: Cause) async throws {
        let ops = Token.generate()
        try await withSidePort {
            $0.limits.drainTimeout = .seconds(600)
            $0.orgs[0].tokens.append(TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator))
        } _: { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let line = "touch started; while [ ! -e go ]; do sleep 0.02; done; echo finished"
            try await peer.send(caller.text(MCPCaller.call("exec", #"{"command":"\#(line)"}"#)))
            #expect(try await peer.head().status == 200)
            try await waitForFile("started", caller)

            // As where an operator looks on while it ends.
            let page = try await DashboardPage(broker, token: ops.text)
            try await page.stream("/api/events") { events, _ in
                #expect(try await events.event(named: "overview") != nil)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    switch cause {
                    case .dashboard: #expect(try await page.send("POST", "/api/drain").status == 202)
                    case .wire:
                        let port = broker.port
                        group.addTask {
                            let address = try BrokerAddress("127.0.0.1:\(port)")
                            try await BrokerConnection.withConnection(to: address, token: ops.text) {
                                // Answered once all has ended.
                                let report = try await $0.drain()
                                #expect(report.cancelled == 0 && report.finished > 0)
                            }
                        }
                    }
                    while try await status(of: "/readyz", broker) != 503 {}
                    #expect(try await status(of: "/healthz", broker) == 200)
                    let refused = try await caller.send(MCPCaller.call("list_directory", #"{"path":"."}"#, id: 2))
                    #expect(refused.status == 503 && refused.headers["retry-after"] != nil)
                    #expect(try await DashboardPage(broker).send("GET", "/api/session").status == 503)
                    let files = broker.workspace(key: "demo")
                    #expect(FileManager.default.createFile(atPath: "\(files)/go", contents: nil))
                    #expect(try await peer.event()?.contains("finished") == true)
                    #expect(try await peer.event() == nil)
                    await peer.close()
                    try await group.waitForAll()
                }
            }
        }
    }

    private func status(of path: String, _ broker: InProcessBroker) async throws -> Int {
        try await MCPCaller(broker, path: path).send("", method: "GET", without: ["authorization"]).status
    }
}
