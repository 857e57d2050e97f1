import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct LaneTests {
    /// A write goes to a thread and a read is answered on the spot where it can be: in a lane they keep their order.
    @Test(arguments: Transport.allCases)
    func aReadFindsWhatWasWrittenBeforeIt(transport: Transport) async throws {
        let configure: (inout BrokerConfiguration) -> Void = { $0.limits.maxCallsInFlightPerConnection = 10_000 }
        try await withConversation(over: transport, configure: configure) { _, client in
            let lanes: [UInt32] = [1, 2, 3]
            var reads: [(id: UInt64, text: String)] = []
            var batch: [ClientFrame] = []
            for round in 0..<200 {
                for lane in lanes {
                    let path = Array("file-\(lane)".utf8)
                    let text = "lane \(lane), round \(round)"
                    batch.append(client.frame(.write(Write(path: path)), lane: lane, payload: ByteBuffer(string: text)))
                    let read = client.frame(.read(Read(path: path)), lane: lane)
                    reads.append((read.id, text))
                    batch.append(read)
                }
                // In pieces of all lengths: some calls are queued in their lane, some are not.
                if round % 7 == 0 {
                    try await client.client.send(RawWireClient.bytes(of: batch))
                    batch = []
                }
            }
            try await client.client.send(RawWireClient.bytes(of: batch))
            for (id, text) in reads {
                #expect(String(buffer: try await client.result(of: id).payload) == text)
            }
        }
    }

    /// A call that waits for its turn holds up its lane only.
    @Test func otherLanesGoOn() async throws {
        try await withConversation { _, client in
            let first = try await client.begin(client.frame(.write(Write(path: Array("f".utf8))), lane: 1, last: false))
            let second = try await client.begin(client.frame(.read(Read(path: Array("f".utf8))), lane: 1))
            try await client.call(client.frame(.echo, lane: 2))
            try await client.call(client.frame(.echo))
            try await client.client.send(ClientFrame(id: first, body: .chunk, payload: ByteBuffer(string: "now")))
            #expect(String(buffer: try await client.result(of: second).payload) == "now")
        }
    }

    /// An upload in several pieces that has to wait for its turn loses none of them.
    @Test func anUploadThatWaitsForItsTurnIsWhole() async throws {
        try await withConversation { _, client in
            let blocker = try await client.begin(
                client.frame(.write(Write(path: Array("a".utf8))), lane: 1, last: false)
            )
            let upload = client.frame(
                .write(Write(path: Array("b".utf8))),
                lane: 1,
                last: false,
                payload: ByteBuffer(string: "1")
            )
            try await client.client.send(
                upload,
                ClientFrame(id: upload.id, last: false, body: .chunk, payload: ByteBuffer(string: "2")),
                ClientFrame(id: upload.id, body: .chunk, payload: ByteBuffer(string: "3"))
            )
            // Answered after what was sent before it was looked at.
            try await client.call(client.frame(.echo))
            try await client.client.send(ClientFrame(id: blocker, body: .chunk))
            try await client.result(of: upload.id)
            #expect(try await client.read("b") == "123")
        }
    }

    @Test func aCallIsCancelledInItsLane() async throws {
        try await withConversation { _, client in
            let blocker = try await client.begin(
                client.frame(.write(Write(path: Array("a".utf8))), lane: 1, last: false)
            )
            let write = try await client.begin(
                client.frame(.write(Write(path: Array("b".utf8))), lane: 1, payload: ByteBuffer(string: "x"))
            )
            let exec = try await client.begin(client.frame(WireConversation.shell("touch c"), lane: 1))
            for id in [write, exec] {
                try await client.client.send(ClientFrame(id: 0, body: .cancel(call: id)))
                do {
                    try await client.result(of: id)
                    Issue.record("not cancelled")
                } catch let error as BackendError {
                    #expect(error.code == .cancelled)
                    #expect(!error.maybeExecuted)
                }
            }
            try await client.client.send(ClientFrame(id: blocker, body: .chunk))
            try await client.result(of: blocker)
            try await client.call(client.frame(.echo, lane: 1))
            #expect(try await !client.exists("b"))
            #expect(try await !client.exists("c"))
        }
    }

    /// A call that begins in its turn at the end of a batch is part of that batch, and so is its lease.
    @Test func noLeaseIsLeftOfABatch() async throws {
        try await withConversation { broker, client in
            try await client.write("x", to: "f")
            let other = try await WireConversation(with: broker)
            for _ in 0..<20 {
                let stat = client.frame(.stat(Stat(path: Array("f".utf8))), lane: 1)
                let echo = client.frame(.echo, lane: 1)
                try await client.client.send(stat, echo)
                try await client.result(of: stat.id)
                try await client.result(of: echo.id)
                let pool = try await other.statistics().pool
                #expect(pool.active == 0 && pool.idle == 1)
            }
            await other.client.close()
        }
    }

    /// A read that was sent before the release of its lease has the lease.
    @Test func aReleaseComesAfterWhatWasSentBeforeIt() async throws {
        try await withConversation { _, client in
            // More than is read on the spot.
            let contents = ByteBuffer(repeating: 7, count: 900 << 10)
            for _ in 0..<5 {
                var acquire = client.frame(.acquire(Acquire()))
                acquire.target?.key = ""
                guard case .acquire(let acquired)? = try await client.call(acquire).reply else {
                    Issue.record("no lease")
                    return
                }
                func leased(_ operation: BrokerWire.Operation, payload: ByteBuffer = ByteBuffer()) -> ClientFrame {
                    var frame = client.frame(operation, payload: payload)
                    frame.target?.key = ""
                    frame.target?.lease = acquired.lease
                    return frame
                }
                try await client.call(leased(.write(Write(path: Array("f".utf8))), payload: contents))
                let read = leased(.read(Read(path: Array("f".utf8))))
                let release = client.frame(.release(Release(lease: acquired.lease)))
                try await client.client.send(read, release)
                #expect(try await client.result(of: read.id).payload == contents)
                try await client.result(of: release.id)
            }
        }
    }

    /// What was in use in a batch is not found there by calls that come after the release of its lease.
    @Test func aLeaseThatWasGivenBackIsHeldNoMore() async throws {
        try await withConversation { _, client in
            for _ in 0..<5 {
                guard case .acquire(let acquired)? = try await client.call(client.frame(.acquire(Acquire()))).reply
                else {
                    Issue.record("no lease")
                    return
                }
                func echo() -> ClientFrame {
                    var frame = client.frame(.echo)
                    frame.target = Target(key: "", lease: acquired.lease)
                    return frame
                }
                let before = echo()
                let release = client.frame(.release(Release(lease: acquired.lease)))
                let after = echo()
                try await client.client.send(before, release, after)
                try await client.result(of: before.id)
                try await client.result(of: release.id)
                #expect(try await errorCode { try await client.result(of: after.id) } == .notFound)
            }
        }
    }
}
