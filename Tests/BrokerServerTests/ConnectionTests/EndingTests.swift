import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Clients that close one side, go away in the middle of something or are killed, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct EndingTests {
    enum Ending: CaseIterable, Sendable {
        /// As of a process that was killed: no half-close was meant, but it looks like one at first.
        case closed
        case reset

        func apply(to client: RawWireClient) async throws {
            switch self {
            case .closed: await client.close()
            case .reset: try await client.reset()
            }
        }
    }

    // MARK: Half close

    @Test(arguments: Transport.allCases)
    func whatWasAskedIsAnswered(transport: Transport) async throws {
        try await withConversation(over: transport) { _, client in
            try await client.write(String(repeating: "x", count: 100_000), to: "f")
            let exec = try await client.begin(client.frame(WireConversation.shell("cat f; echo done >&2")))
            let read = try await client.begin(client.frame(.read(Read(path: Array("f".utf8))), lane: 1))
            let echo = try await client.begin(client.frame(.echo, lane: 1))
            try await client.client.halfClose()
            #expect(try await client.result(of: read).payload.readableBytes == 100_000)
            try await client.result(of: echo)
            #expect(try await client.result(of: exec).payload.readableBytes == 100_005)
            try await client.client.drain()
        }
    }

    /// More than the kernel takes at once: closing must not drop what is not written yet.
    @Test(arguments: Transport.allCases)
    func allThatWasAskedArrivesAtASlowReader(transport: Transport) async throws {
        try await withBroker { broker in
            let writer = try await WireConversation(with: broker)
            try await writer.fillMemory()
            let client = try await WireConversation(with: broker, over: transport, receiveBuffer: 4096)
            let calls = (0..<30).map { _ in client.frame(.readdir(Readdir(path: [])), backend: .memory) }
            try await client.client.send(RawWireClient.bytes(of: calls))
            try await client.client.halfClose()
            // The broker has answered all of it, and would be done, if it had been read.
            try await writer.waitUntil { $0.callsOK >= 1000 + 30 }
            for call in calls {
                guard case .readdir(let page)? = try await client.result(of: call.id).reply else {
                    Issue.record("no page")
                    return
                }
                #expect(page.entries.count == 1000)
            }
            try await client.client.drain()
            await client.client.close()
            await writer.client.close()
        }
    }

    @Test func anUploadThatWasCutOffFailsAndTheOldFileStays() async throws {
        try await withConversation { broker, client in
            try await client.write("old", to: "f")
            let other = try await WireConversation(with: broker)
            let write = try await other.begin(
                other.frame(.write(Write(path: Array("f".utf8))), last: false, payload: ByteBuffer(string: "new"))
            )
            try await other.client.send(
                ClientFrame(id: write, last: false, body: .chunk, payload: ByteBuffer(string: "new"))
            )
            try await other.client.halfClose()
            #expect(try await errorCode { try await other.result(of: write) } == .connectionClosed)
            #expect(try await client.read("f") == "old")
            #expect(broker.temporaryFiles().isEmpty)
            await other.client.close()
        }
    }

    @Test func standardInputEndsWithTheClientsSide() async throws {
        try await withConversation { _, client in
            let exec = client.frame(WireConversation.shell("cat; echo end", opensStandardInput: true), last: false)
            try await client.client.send(exec)
            try await client.waitUntilStarted(exec.id)
            try await client.client.send(
                ClientFrame(id: exec.id, last: false, body: .chunk, payload: ByteBuffer(string: "in "))
            )
            try await client.client.halfClose()
            #expect(String(buffer: try await client.result(of: exec.id).payload) == "in end\n")
        }
    }

    // MARK: Loss

    @Test(arguments: Transport.allCases, Ending.allCases)
    func aLossInTheMiddleOfAnUploadLeavesTheOldFile(transport: Transport, ending: Ending) async throws {
        try await withConversation { broker, client in
            try await client.write("old", to: "f")
            let other = try await WireConversation(with: broker, over: transport)
            let write = other.frame(
                .write(Write(path: Array("f".utf8))),
                last: false,
                payload: ByteBuffer(string: "new")
            )
            try await other.client.send(
                write,
                ClientFrame(id: write.id, last: false, body: .chunk, payload: ByteBuffer(repeating: 1, count: 300_000))
            )
            // Its temporary file is there: the upload is under way.
            while broker.temporaryFiles().isEmpty {
                try await other.call(other.frame(.echo))
            }
            try await ending.apply(to: other.client)
            try await client.waitUntil { $0.connections == 1 && $0.callsInFlight == 0 }
            #expect(try await client.read("f") == "old")
            #expect(broker.temporaryFiles().isEmpty)
        }
    }

    @Test(arguments: Transport.allCases, Ending.allCases)
    func aLossKillsTheWholeTreeOfACommand(transport: Transport, ending: Ending) async throws {
        try await withConversation(configure: { $0.exec.grace = .milliseconds(50) }) { broker, client in
            let other = try await WireConversation(with: broker, over: transport)
            // A double fork into a session of its own, which ignores SIGTERM, as its parent does.
            let line = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo up; sleep 1000' &); echo up; sleep 1000"
            let exec = try await other.begin(other.frame(WireConversation.shell(line)))
            try await other.waitUntilStarted(exec)
            var output = ""
            while output != "up\nup\n" {
                output += String(buffer: try #require(try await other.client.next(of: exec)).payload)
            }
            if !broker.isolation.isEmpty { #expect(!commands(beneath: broker.root).isEmpty) }
            try await ending.apply(to: other.client)
            try await client.waitUntil { $0.execsRunning == 0 && $0.connections == 1 }
            #expect(commands(beneath: broker.root).isEmpty)
        }
    }

    /// Also while its answers wait for credit, or it for its input.
    @Test(arguments: Ending.allCases)
    func aLossEndsWhatWaitsForTheClient(ending: Ending) async throws {
        try await withBroker { broker in
            let watcher = try await WireConversation(with: broker)
            try await watcher.call(watcher.frame(WireConversation.shell("head -c 3000000 /dev/zero > f")))
            let other = try await WireConversation(with: broker, givesCredit: false)
            var calls: [ClientFrame] = []
            for index in 0..<20 {
                calls.append(other.frame(.read(Read(path: Array("f".utf8))), lane: UInt32(index % 3)))
                calls.append(other.frame(.write(Write(path: Array("g".utf8))), lane: UInt32(index % 5), last: false))
                calls.append(other.frame(WireConversation.shell("cat", opensStandardInput: true), lane: 9, last: false))
                calls.append(other.frame(WireConversation.shell("yes"), lane: 10))
            }
            try await other.client.send(RawWireClient.bytes(of: calls))
            try await watcher.waitUntil { $0.execsRunning >= 2 }
            try await ending.apply(to: other.client)
            try await watcher.waitUntil { stats in
                stats.connections == 1 && stats.callsInFlight == 0 && stats.execsRunning == 0 && stats.pool.active == 0
            }
            #expect(commands(beneath: broker.root).isEmpty)
            #expect(broker.temporaryFiles().isEmpty)
            await watcher.client.close()
        }
    }

    /// Calls of one read batch that were still to be attempted when the connection went.
    @Test func aLossRightAfterABatchLeavesNothing() async throws {
        try await withConversation { broker, client in
            try await client.write("x", to: "f")
            for _ in 0..<20 {
                let other = try await WireConversation(with: broker)
                let calls = (0..<100).map { other.frame(.stat(Stat(path: Array("f".utf8))), lane: UInt32($0 % 4)) }
                try await other.client.send(RawWireClient.bytes(of: calls))
                try await other.client.reset()
            }
            try await client.waitUntil { $0.connections == 1 && $0.callsInFlight == 0 && $0.pool.active == 0 }
        }
    }

    // MARK: Shutdown

    @Test(arguments: [InProcessBroker.Ending.graceful, .cancellation])
    func aShutdownTellsAndEndsEveryone(ending: InProcessBroker.Ending) async throws {
        var clients: [RawWireClient] = []
        try await withBroker(ending: ending, configure: { $0.limits.drainTimeout = .zero }) { broker in
            for transport in Transport.allCases {
                let idle = try await WireConversation(with: broker, over: transport)
                let busy = try await WireConversation(with: broker, over: transport)
                let exec = try await busy.begin(busy.frame(WireConversation.shell("sleep 1000")))
                try await busy.waitUntilStarted(exec)
                // A stream that is never ended.
                _ = try await busy.begin(busy.frame(.write(Write(path: Array("f".utf8))), last: false))
                clients += [idle.client, busy.client]
            }
        }
        for client in clients {
            guard case .goAway? = try await client.next(of: 0)?.body else {
                Issue.record("not told")
                continue
            }
            try await client.drain()
            await client.close()
        }
    }
}
