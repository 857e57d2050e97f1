import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(1))) struct CreditTests {
    typealias Scripted = ScriptedConnection

    // MARK: What the client sends

    @Test func aFileIsSentInPiecesAsThereIsCredit() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 300 << 10))
        let contents = ByteBuffer(bytes: (0..<(700 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        async let writing = scripted.connection.write(.root, contents, on: Scripted.target)
        var received = ByteBuffer()
        var frame = try await scripted.broker.receiveCall()
        #expect(frame.operation != nil)
        while true {
            #expect(frame.payload.readableBytes <= 256 << 10)
            received.writeImmutableBuffer(frame.payload)
            if frame.last { break }
            if received.readableBytes == 300 << 10 {
                await scripted.settle()
                try await scripted.broker.send(.window(1, 500 << 10))
            }
            frame = try await scripted.broker.receiveCall()
        }
        #expect(received == contents)
        try await scripted.broker.send(.part(1, .write(.file(size: contents.readableBytes))))
        let info = try await writing
        #expect(info.size == UInt64(contents.readableBytes))
    }

    @Test func aCallWithoutCreditGoesOutAndItsBytesFollow() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 100, connectionWindow: 100))
        let contents = ByteBuffer(repeating: 1, count: 100)
        async let one = scripted.connection.write(.root, contents, on: Scripted.target)
        #expect(try await scripted.broker.receiveCall().payload.readableBytes == 100)
        async let two = scripted.connection.write(.root, contents, on: Scripted.target)
        let second = try await scripted.broker.receiveCall()
        #expect(second.payload.readableBytes == 0)
        #expect(!second.last)
        async let three = scripted.connection.stat(.root, on: Scripted.target)
        #expect(try await scripted.broker.receiveCall().id == 3, "who sends no bytes waits for no credit")
        try await scripted.broker.send(.window(0, 100))
        let chunk = try await scripted.broker.receiveCall()
        #expect(chunk.id == 2)
        #expect(chunk.last)
        #expect(chunk.payload.readableBytes == 100)
        for id: UInt64 in [1, 2] { try await scripted.broker.send(.part(id, .write(.file(size: 100)))) }
        try await scripted.broker.send(.part(3, .stat(.file(size: 1))))
        _ = try await (one, two, three)
    }

    @Test func aWriterWaitsForCreditAndIsWokenByTheAnswer() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 10))
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        for _ in 1...3 { source.yield(ByteBuffer(repeating: 1, count: 8)) }
        async let writing = failure {
            try await scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        }
        var received = 0
        while received < 10 { received += try await scripted.broker.receiveCall().payload.readableBytes }
        #expect(received == 10)
        let full = BackendError(.writeFailed, reason: .noSpace, message: "the disk is full", operation: "write")
        try await scripted.broker.send(.failure(1, full))
        #expect(await writing?.reason == .noSpace)
    }

    // MARK: What the client receives

    @Test func aReaderThatStopsReadingStopsTheCredit() async throws {
        let limits = SessionLimits(streamWindow: 1000, connectionWindow: 1 << 20)
        let scripted = try await Scripted(limits: limits)
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(
            .part(id, .read(.file(size: 2000)), ByteBuffer(repeating: 1, count: 400), last: false)
        )
        let reader = try await opening
        try await scripted.broker.send(.part(id, nil, ByteBuffer(repeating: 2, count: 600), last: false))
        await scripted.settle()
        // The window is used up. Nothing was read but what came with the file's description.
        async let window = scripted.broker.receive().window
        #expect(try await reader.next()?.readableBytes == 400)
        #expect(try await reader.next()?.readableBytes == 600)
        let granted = try await window
        #expect(granted?.stream == id)
        #expect(granted?.bytes == 1000)
        try await scripted.broker.send(.part(id, nil, ByteBuffer(repeating: 3, count: 1000)))
        #expect(try await reader.next()?.readableBytes == 1000)
        #expect(try await reader.next() == nil)
    }

    @Test func moreThanTheWindowOfAStreamIsAFault() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 1000))
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .read(.file(size: 2000)), last: false))
        let reader = try await opening
        try await scripted.broker.send(
            .part(id, nil, ByteBuffer(repeating: 1, count: 600), last: false),
            .part(id, nil, ByteBuffer(repeating: 1, count: 600), last: false)
        )
        #expect(try await reader.next()?.readableBytes == 600)
        #expect(await failure { try await reader.next() }?.code == .protocolError)
    }

    @Test func moreThanTheWindowOfTheConnectionIsAFault() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 2000, connectionWindow: 1000))
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        _ = try await scripted.broker.receiveCall()
        try await scripted.broker.send(.part(1, .read(.file(size: 2000)), last: false))
        let reader = try await opening
        try await scripted.broker.send(.part(1, nil, ByteBuffer(repeating: 1, count: 1001), last: false))
        #expect(await failure { try await reader.next() }?.code == .protocolError)
    }

    /// Their own calls wait for them, and no other.
    @Test func readersThatTakeNothingDoNotHoldTheCreditOfTheConnection() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 1000, connectionWindow: 1000))
        var readers: [BrokerFileReader] = []
        for id: UInt64 in 1...17 {
            async let opening = scripted.connection.openReader(.root, on: Scripted.target)
            _ = try await scripted.broker.receiveCall()
            try await scripted.broker.send(.part(id, .read(.file(size: 1000)), last: false))
            readers.append(try await opening)
            try await scripted.broker.send(.part(id, nil, ByteBuffer(repeating: UInt8(id), count: 1000)))
            let window = try await scripted.broker.receive().window
            #expect(window?.stream == 0)
            #expect(window?.bytes == 1000)
        }
        for (index, reader) in readers.enumerated() {
            #expect(try await reader.next() == ByteBuffer(repeating: UInt8(index + 1), count: 1000))
            #expect(try await reader.next() == nil)
        }
    }

    @Test func bytesOfCallsThatHaveEndedAreGivenBack() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 1000, connectionWindow: 1000))
        async let call = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        try await scripted.broker.send(.failure(1, BackendError(.internal, message: "no")))
        #expect(await call?.code == .internal)
        try await scripted.broker.send(.part(1, nil, ByteBuffer(repeating: 1, count: 700), last: false))
        #expect(try await scripted.broker.receive().window?.bytes == 700)
    }
}
