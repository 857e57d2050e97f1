import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// What a call may say of itself, and what a broker makes of it, over a real socket.
@Suite(.timeLimit(.minutes(1))) struct CallTests {
    @Test(arguments: Transport.allCases, [BackendType.localFilesystem, .memory])
    func everyOperationWorks(transport: Transport, backend: BackendType) async throws {
        try await withConversation(over: transport) { _, client in
            func call(_ operation: BrokerWire.Operation, _ payload: String = "") async throws -> (Reply?, String) {
                let frame = client.frame(operation, backend: backend, payload: ByteBuffer(string: payload))
                let (reply, payload) = try await client.call(frame)
                return (reply, String(buffer: payload))
            }
            let path = Array("d/f".utf8)
            #expect(try await call(.echo, "hello").1 == "hello")
            guard case .write(let written)? = try await call(.write(Write(path: path)), "contents").0 else {
                Issue.record("no reply to a write")
                return
            }
            #expect(written.size == 8)
            #expect(try await call(.read(Read(path: path))).1 == "contents")
            #expect(try await call(.read(Read(path: path, range: ReadRange(offset: 3, length: 2)))).1 == "te")
            #expect(try await call(.read(Read(path: path, range: ReadRange(offset: 100)))).1 == "")
            guard case .stat(let info)? = try await call(.stat(Stat(path: path))).0 else {
                Issue.record("no reply to a stat")
                return
            }
            #expect(info == written)
            guard case .readdir(let page)? = try await call(.readdir(Readdir(path: []))).0 else {
                Issue.record("no reply to a readdir")
                return
            }
            #expect(page.entries.map(\.name) == [Array("d".utf8)])
            guard case .rm? = try await call(.rm(Rm(path: path))).0 else {
                Issue.record("no reply to an rm")
                return
            }
            let missing = try await errorCode { _ = try await call(.read(Read(path: path))) }
            #expect(missing == (backend == .memory ? .keyNotFound : .readFailed))
            guard case .describe(let description)? = try await call(.describe).0 else {
                Issue.record("no reply to a describe")
                return
            }
            #expect(description.isLive && description.key == "k" && description.backend == backend)
        }
    }

    @Test func leasesAreTheConnections() async throws {
        try await withConversation { broker, client in
            guard case .acquire(let acquired)? = try await client.call(client.frame(.acquire(Acquire()))).reply else {
                Issue.record("no lease")
                return
            }
            func echo(_ client: WireConversation) async throws {
                var frame = client.frame(.echo)
                frame.target = Target(key: "", lease: acquired.lease)
                try await client.call(frame)
            }
            try await echo(client)
            let other = try await WireConversation(with: broker)
            #expect(try await errorCode { try await echo(other) } == .notFound)
            // Nor does it tell another connection what it is a lease of.
            var describe = other.frame(.describe)
            describe.target = Target(key: "", lease: acquired.lease)
            #expect(try await errorCode { try await other.call(describe) } == .notFound)
            for isHeld in [true, false] {
                let release = client.frame(.release(Release(lease: acquired.lease)))
                guard case .release(let released)? = try await client.call(release).reply else {
                    Issue.record("no reply to a release")
                    return
                }
                #expect(released == isHeld)
            }
            #expect(try await errorCode { try await echo(client) } == .notFound)
            await other.client.close()
        }
    }

    @Test func theEndOfAConnectionGivesItsLeasesBack() async throws {
        try await withConversation { broker, client in
            for ending in 0..<3 {
                let other = try await WireConversation(with: broker)
                for key in ["a", "b", "c"] {
                    try await other.call(other.frame(.acquire(Acquire()), key: key))
                }
                #expect(try await client.statistics().pool.active == 3)
                switch ending {
                case 0: await other.client.close()
                case 1: try await other.client.reset()
                default: try await other.client.halfClose()
                }
                try await client.waitUntil { $0.pool.active == 0 && $0.connections == 1 }
                await other.client.close()
            }
        }
    }

    @Test func idsMustRise() async throws {
        try await withConversation { _, client in
            let echo = client.frame(.echo)
            try await client.call(echo)
            try await client.client.send(echo)
            guard case .goAway(let goAway)? = try await client.client.next(of: 0)?.body else {
                Issue.record("no go-away")
                return
            }
            #expect(goAway.error?.code == .protocolError)
            #expect(goAway.lastID == echo.id)
            #expect(try await client.client.next(of: 0) == nil)
        }
    }

    /// Before anything is done: nothing is written.
    @Test func whatTheBrokerLacksIsRefusedBeforeAnyEffect() async throws {
        try await withConversation { _, client in
            let specials = [
                CallOptions.Special(requires: [1, 4_000]), CallOptions.Special(requires: [0]),
            ]
            for special in specials {
                let write = client.frame(
                    .write(Write(path: Array("f".utf8))),
                    special: special,
                    payload: ByteBuffer(string: "x")
                )
                #expect(try await errorCode { try await client.call(write) } == .notImplemented)
                #expect(try await !client.exists("f"))
                // The same of a command.
                let exec = client.frame(WireConversation.shell("touch f"), special: special)
                #expect(try await errorCode { try await client.call(exec) } == .notImplemented)
            }
            let known = CallOptions.Special(requires: Feature.allCases.map(\.rawValue))
            try await client.call(client.frame(.write(Write(path: Array("f".utf8))), special: known))
            #expect(try await client.exists("f"))
        }
    }

    @Test func whatTheBrokerDoesNotKnowIsNotImplemented() async throws {
        try await withConversation { _, client in
            let id = client.nextID()
            try await client.client.send(ClientFrame(id: id, body: .unknown))
            #expect(try await errorCode { try await client.result(of: id) } == .notImplemented)
            try await client.call(client.frame(.echo))
        }
    }

    @Test func chunksOfFinishedCallsAreIgnored() async throws {
        try await withConversation { _, client in
            let echo = client.frame(.echo)
            try await client.call(echo)
            for _ in 0..<40 {
                // More in all than the connection's window.
                let chunk = ClientFrame(
                    id: echo.id,
                    last: false,
                    body: .chunk,
                    payload: ByteBuffer(repeating: 1, count: 1 << 20)
                )
                try await client.client.send(chunk)
                try await client.call(client.frame(.echo))
            }
        }
    }

    @Test func chunksOfCallsThatNeverBeganEndTheConnection() async throws {
        try await withConversation { _, client in
            try await client.client.send(ClientFrame(id: 1000, body: .chunk))
            let frame = try await client.client.next(of: 0)
            #expect(frame?.error?.code == .protocolError)
        }
    }

    @Test func cancellingWhatIsUnknownIsIgnored() async throws {
        try await withConversation { _, client in
            try await client.client.send(ClientFrame(id: 0, body: .cancel(call: 77)))
            try await client.call(client.frame(.echo))
        }
    }

    @Test func pingsAreAnswered() async throws {
        try await withConversation { _, client in
            for nonce in [0, 7, UInt64.max] {
                try await client.client.send(ClientFrame(id: 0, body: .ping(nonce: nonce)))
                guard case .pong(nonce)? = try await client.client.next(of: 0)?.body else {
                    Issue.record("no pong")
                    return
                }
            }
        }
    }

    @Test func callsInFlightHaveALimit() async throws {
        try await withConversation(configure: { $0.limits.maxCallsInFlightPerConnection = 3 }) { _, client in
            let gated = (0..<3).map { _ in client.frame(.write(Write(path: Array("f".utf8))), last: false) }
            for frame in gated { try await client.client.send(frame) }
            for _ in 0..<3 {
                do {
                    try await client.call(client.frame(.echo))
                    Issue.record("one more was taken")
                } catch let error as BackendError {
                    #expect(error.code == .resourceExhausted)
                    #expect(error.limit == LimitDetails(name: "connection_calls_in_flight", used: 3, allowed: 3))
                }
            }
            try await client.client.send(ClientFrame(id: gated[1].id, body: .chunk))
            try await client.result(of: gated[1].id)
            try await client.call(client.frame(.echo))
        }
    }

    /// Bytes that come one by one, in pieces of any length, or all at once mean the same.
    @Test(arguments: Transport.allCases)
    func framesMayBeCutAnywhere(transport: Transport) async throws {
        try await withConversation(over: transport) { _, client in
            for length in [1, 2, 3, 7, 4096] {
                let frames = (0..<5).map { client.frame(.echo, payload: ByteBuffer(string: "payload \($0)")) }
                var bytes = RawWireClient.bytes(of: frames)
                while let piece = bytes.readSlice(length: min(length, bytes.readableBytes)), piece.readableBytes > 0 {
                    try await client.client.send(piece)
                }
                for (index, frame) in frames.enumerated() {
                    #expect(String(buffer: try await client.result(of: frame.id).payload) == "payload \(index)")
                }
            }
        }
    }

    @Test(
        arguments: [
            ([1, 0, 0, 0, 0], nil), (Array("GET / HTTP/1.1\r\n\r\n".utf8), nil), ([0x16, 3, 1, 2, 0, 1], nil),
            ([0, 0xff, 0xff, 0xff, 0xff], .tooLarge), ([0, 0, 0x40, 0, 1], .tooLarge),
        ] as [([UInt8], BackendError.Reason?)]
    )
    func whatIsNoFrameEndsTheConnection(bytes: [UInt8], reason: BackendError.Reason?) async throws {
        try await withConversation { broker, client in
            for hasHello in [true, false] {
                let wire = hasHello ? client.client : try await RawWireClient.connect(to: .tcp(port: broker.port))
                try await wire.send(ByteBuffer(bytes: bytes))
                let frame = try await wire.next(of: 0)
                #expect(frame?.error?.code == .protocolError)
                #expect(frame?.error?.reason == reason)
                #expect(try await wire.next(of: 0) == nil)
                await wire.close()
            }
        }
    }
}
