import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Credit and large contents over real sockets.
@Suite(.timeLimit(.minutes(1))) struct CreditTests {
    private let size = 5_000_000

    /// A file of `size` bytes, each piece of which is different, sent as a client must: with credit.
    private func upload(_ client: WireConversation, backend: BackendType) async throws -> ByteBuffer {
        // 251 is prime: no two pieces are the same.
        let pattern = (0..<251).map { UInt8($0) }
        var contents = ByteBufferAllocator().buffer(capacity: size + 251)
        while contents.readableBytes < size { contents.writeBytes(pattern) }
        contents.moveWriterIndex(to: contents.readerIndex + size)
        var rest = contents
        let write = client.frame(.write(Write(path: Array("large".utf8))), backend: backend, last: false)
        try await client.client.send(write)
        var (stream, connection) = (1 << 20, 16 << 20)
        while let piece = rest.readSlice(length: min(200_000, rest.readableBytes)), piece.readableBytes > 0 {
            while stream < piece.readableBytes || connection < piece.readableBytes {
                let frame = try #require(try await client.client.next(of: 0))
                switch frame.body {
                case .window(stream: write.id, let bytes): stream += Int(bytes)
                case .window(stream: 0, let bytes): connection += Int(bytes)
                default: Issue.record("\(frame)")
                }
            }
            stream -= piece.readableBytes
            connection -= piece.readableBytes
            let isLast = rest.readableBytes == 0
            try await client.client.send(ClientFrame(id: write.id, last: isLast, body: .chunk, payload: piece))
        }
        try await client.result(of: write.id)
        return contents
    }

    @Test(arguments: Transport.allCases, [BackendType.localFilesystem, .memory])
    func largeFilesGoBothWays(transport: Transport, backend: BackendType) async throws {
        try await withConversation(over: transport) { _, client in
            let contents = try await upload(client, backend: backend)
            for range in [ReadRange.all, ReadRange(offset: 1_000_001), ReadRange(offset: 5, length: 2_000_000)] {
                let read = client.frame(.read(Read(path: Array("large".utf8), range: range)), backend: backend)
                let first = contents.readerIndex + Int(range.offset)
                let length = min(range.length.map { Int($0) } ?? .max, size - Int(range.offset))
                let expected = try #require(contents.getSlice(at: first, length: length))
                #expect(try await client.call(read).payload == expected)
            }
        }
    }

    /// Large answers in turn, none of them whole before the others have begun, and each in its order.
    @Test func largeAnswersShareTheConnection() async throws {
        try await withConversation { _, client in
            let contents = try await upload(client, backend: .localFilesystem)
            let reads = (0..<20).map { _ in client.frame(.read(Read(path: Array("large".utf8)))) }
            try await client.client.send(RawWireClient.bytes(of: reads))
            for read in reads { #expect(try await client.result(of: read.id).payload == contents) }
        }
    }

    /// Without credit exactly the windows arrive; the rest with the credit for it.
    @Test(arguments: Transport.allCases, [BackendType.localFilesystem, .memory])
    func aReplyLargerThanTheCreditWaits(transport: Transport, backend: BackendType) async throws {
        try await withBroker { broker in
            let writer = try await WireConversation(with: broker)
            let contents = try await upload(writer, backend: backend)
            let client = try await WireConversation(with: broker, over: transport, givesCredit: false)
            let read = try await client.begin(client.frame(.read(Read(path: Array("large".utf8))), backend: backend))
            var received = ByteBuffer()
            while received.readableBytes < 1 << 20 {
                received.writeImmutableBuffer(try #require(try await client.client.next(of: read)).payload)
            }
            #expect(received.readableBytes == 1 << 20)
            for piece in [1, 1000, size] {
                try await client.client.send(ClientFrame(id: 0, body: .window(stream: read, bytes: UInt64(piece))))
                let wanted = min(received.readableBytes + piece, size)
                while received.readableBytes < wanted {
                    received.writeImmutableBuffer(try #require(try await client.client.next(of: read)).payload)
                }
                #expect(received.readableBytes == wanted)
            }
            #expect(received == contents)
            await client.client.close()
            await writer.client.close()
        }
    }

    /// A frame never gets longer than the broker says itself, however small that is.
    @Test func answersKeepToTheLimitOfFrames() async throws {
        try await withConversation(configure: {
            $0.limits.maxFrameBytes = 16 << 10; $0.limits.maxHeadBytes = 16 << 10
        }) { _, client in
            try await client.call(client.frame(WireConversation.shell("head -c 200000 /dev/zero > f")))
            for operation in [BrokerWire.Operation.read(Read(path: Array("f".utf8))), WireConversation.shell("cat f")] {
                let frames = try await client.answers(to: client.frame(operation))
                #expect(frames.reduce(0) { $0 + $1.payload.readableBytes } == 200_000)
                #expect(frames.allSatisfy { $0.payload.readableBytes < 16 << 10 })
            }
        }
    }

    /// Credit for a call that was put off to the end of its batch, in that batch.
    @Test func creditRightBehindACallCounts() async throws {
        try await withBroker { broker in
            let writer = try await WireConversation(with: broker)
            let contents = try await upload(writer, backend: .localFilesystem)
            let client = try await WireConversation(with: broker, givesCredit: false)
            // The entry is there: the read is attempted with others of its batch.
            try await client.call(client.frame(.echo))
            let read = client.frame(.read(Read(path: Array("large".utf8))))
            try await client.client.send(read, ClientFrame(id: 0, body: .window(stream: read.id, bytes: UInt64(size))))
            #expect(try await client.result(of: read.id).payload == contents)
            await client.client.close()
            await writer.client.close()
        }
    }

    /// So does a cancel: nobody takes the rest of the answer.
    @Test func aCancelRightBehindACallCounts() async throws {
        try await withBroker { broker in
            let writer = try await WireConversation(with: broker)
            _ = try await upload(writer, backend: .localFilesystem)
            let client = try await WireConversation(with: broker, givesCredit: false)
            try await client.call(client.frame(.echo))
            let read = client.frame(.read(Read(path: Array("large".utf8))))
            try await client.client.send(read, ClientFrame(id: 0, body: .cancel(call: read.id)))
            #expect(try await errorCode { try await client.result(of: read.id) } == .cancelled)
            await client.client.close()
            await writer.client.close()
        }
    }

    /// A peer that asks for much and reads nothing. The others go on; when it reads at last, all is there.
    @Test(arguments: Transport.allCases)
    func aPeerThatDoesNotReadHarmsNobody(transport: Transport) async throws {
        try await withBroker(configure: { $0.limits.connectionWindowBytes = 1 << 20 }) { broker in
            let client = try await WireConversation(with: broker)
            try await client.fillMemory()
            let before = try await client.statistics().callsOK
            let silent = try await WireConversation(with: broker, over: transport, receiveBuffer: 4096)
            let calls = (0..<60).map { _ in silent.frame(.readdir(Readdir(path: [])), backend: .memory) }
            try await silent.client.send(RawWireClient.bytes(of: calls))
            for _ in 0..<100 { try await client.call(client.frame(.echo)) }
            // 13 MB were asked for. What the broker and the kernel keep is far less, so that most was not looked at.
            let answered = try await client.statistics().callsOK - before - 101
            #expect(answered < 45)
            for call in calls {
                guard case .readdir(let page)? = try await silent.result(of: call.id).reply else {
                    Issue.record("no page")
                    return
                }
                #expect(page.entries.count == 1000)
            }
            await silent.client.close()
            await client.client.close()
        }
    }
}
