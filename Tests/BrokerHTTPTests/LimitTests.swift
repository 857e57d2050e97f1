import BrokerServer
import BrokerTestKit
import ModelContextProtocol
import NIOCore
import Testing

@Suite struct LimitTests {
    /// It is refused for what it says of itself, before any of it is read.
    @Test func aBodyOf100MiB() async throws {
        try await withSidePort { broker in
            let caller = MCPCaller(broker)
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            try await peer.send(caller.text("", headers: [("Content-Length", "\(100 << 20)")]))
            #expect(try await peer.head().status == 413)
            await peer.close()
        }
    }

    /// The same where it does not say how long it is.
    @Test func aBodyWithoutEnd() async throws {
        try await withSidePort {
            $0.http.maxBodyBytes = 64 << 10
        } _: { broker in
            let caller = MCPCaller(broker)
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            let head = caller.text("", headers: [("Transfer-Encoding", "chunked")], without: ["content-length"])
            try await peer.send(head)
            for _ in 0..<5 { try await peer.send("4000\r\n\(String(repeating: " ", count: 0x4000))\r\n") }
            #expect(try await peer.head().status == 413)
            await peer.close()
        }
    }

    @Test func bodiesTogether() async throws {
        try await withSidePort {
            $0.http.maxBodyBytes = 64 << 10
            $0.http.maxBodyBytesInFlight = 64 << 10
        } _: { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            var peers: [HTTPPeer] = []
            while true {
                // One that comes while a ping is under way is refused itself, and the next one tries.
                let peer = try await HTTPPeer.connect(port: broker.httpPort)
                peers.append(peer)
                try await peer.send(caller.text("", headers: [("Content-Length", "\(64 << 10)")]))
                let reply = try await caller.send(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
                if reply.status == 503 {
                    #expect(reply.headers["retry-after"] == "1")
                    break
                }
            }
            for peer in peers { await peer.close() }
            while try await caller.send(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).status != 200 {}
        }
    }

    @Test func aBodyThatDoesNotArrive() async throws {
        try await withSidePort {
            $0.http.bodyTimeout = .milliseconds(100)
        } _: { broker in
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            try await peer.send(MCPCaller(broker).text("", headers: [("Content-Length", "10")]))
            #expect(try await peer.head().status == 408)
            await peer.close()
        }
    }

    @Test func sessions() async throws {
        try await withSidePort {
            $0.http.maxSessionsPerToken = 2
        } _: { broker in
            let caller = MCPCaller(broker)
            let first = try await caller.send(MCPCaller.initialize)
            #expect(try await caller.send(MCPCaller.initialize).status == 200)
            #expect(try await caller.send(MCPCaller.initialize).status == 503)
            var ending = caller
            ending.session = first.headers["mcp-session-id"]
            #expect(try await ending.send("", method: "DELETE").status == 204)
            #expect(try await caller.send(MCPCaller.initialize).status == 200)
        }
    }

    @Test func aThousandSessionsAtOnce() async throws {
        try await withSidePort { broker in
            let sessions = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<1000 {
                    group.addTask {
                        var caller = MCPCaller(broker, path: "/mcp/k\(index % 10)/s\(index)")
                        try await caller.begin()
                        let name = "f\(index)"
                        let write = MCPCaller.call("write_file", #"{"path":"\#(name)","content":"\#(index)"}"#)
                        guard try await caller.send(write).text == "Successfully wrote to \(name)" else { return false }
                        return try await caller.send(MCPCaller.call("list_directory", #"{"path":"."}"#)).text
                            == "[FILE] \(name)"
                    }
                }
                var good = 0
                for try await isGood in group where isGood { good += 1 }
                return good
            }
            #expect(sessions == 1000)
        }
    }

    /// A client that asks and does not read loses its connection, and nobody else waits for it.
    @Test func aSlowReader() async throws {
        try await withSidePort {
            $0.http.writeTimeout = .milliseconds(200)
            $0.http.maxMediaBytes = 16 << 20
            $0.http.maxConnections = 2
        } _: { broker in
            var caller = MCPCaller(broker)
            try await caller.begin()
            let json = [("Accept", "application/json")]
            let make = MCPCaller.call("exec", #"{"command":"head -c 12000000 /dev/zero > big"}"#)
            #expect(try await caller.send(make, headers: json).result?["isError"] == false)
            try await waitForTwoPlaces(caller)
            let peer = try await HTTPPeer.connect(port: broker.httpPort, receiveBuffer: 4096)
            let read = MCPCaller.call("read_media_file", #"{"path":"big"}"#, id: 2, meta: #"{"progressToken":1}"#)
            try await peer.send(caller.text(read))
            // Its place is free again.
            try await waitForTwoPlaces(caller)
            await #expect(throws: HTTPPeer.Failure.self) {
                _ = try await peer.head()
                while try await peer.event() != nil {}
            }
            await peer.close()
        }
    }

    /// Two connections at a time are served.
    private func waitForTwoPlaces(_ caller: MCPCaller) async throws {
        while true {
            let peers = [
                try await HTTPPeer.connect(port: caller.port), try await HTTPPeer.connect(port: caller.port),
            ]
            var served = 0
            for peer in peers {
                try? await peer.send(caller.text(#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#))
                if (try? await peer.reply())?.status == 200 { served += 1 }
            }
            for peer in peers { await peer.close() }
            if served == 2 { return }
        }
    }

    @Test func anIdleConnectionIsClosed() async throws {
        try await withSidePort {
            $0.http.idleTimeout = .milliseconds(100)
        } _: { broker in
            let peer = try await HTTPPeer.connect(port: broker.httpPort)
            try await peer.waitForClose()
            await peer.close()
        }
    }

    @Test func tooManyConnections() async throws {
        try await withSidePort {
            $0.http.maxConnections = 1
        } _: { broker in
            let first = try await HTTPPeer.connect(port: broker.httpPort)
            try await first.send(MCPCaller(broker).text(MCPCaller.initialize))
            #expect(try await first.reply().status == 200)
            let second = try await HTTPPeer.connect(port: broker.httpPort)
            try await second.waitForClose()
            await second.close()
            // One after the other on a connection that is kept.
            try await first.send(MCPCaller(broker).text(MCPCaller.initialize))
            #expect(try await first.reply().status == 200)
            await first.close()
        }
    }
}
