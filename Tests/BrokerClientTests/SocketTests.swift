import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(2))) struct SocketTests {
    private static let target = BrokerTarget(key: "k")

    /// Contents that tell where they belong: a piece that is lost, doubled or out of place shows.
    private static func pattern(_ range: Range<Int>) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(range.count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { memory in
            for index in 0..<range.count {
                memory[index] = UInt8(truncatingIfNeeded: (range.lowerBound + index) &* 2_654_435_761 >> 16)
            }
            return range.count
        }
        return buffer
    }

    @Test(arguments: LoopbackBroker.Transport.allCases)
    func aCallGoesThereAndBack(transport: LoopbackBroker.Transport) async throws {
        try await LoopbackBroker.run(transport) { broker in
            let hello = try await broker.greet()
            #expect(hello?.token == "ab_token")
            let frame = try await broker.receiveCall()
            try await broker.send(.part(frame.id, .echo, frame.payload))
        } client: { address in
            let payload = ByteBuffer(string: "hello")
            let echoed = try await BrokerConnection.withConnection(to: address, token: "ab_token") { connection in
                try await connection.echo(payload, on: Self.target)
            }
            #expect(echoed == payload)
        }
    }

    @Test func nobodyListens() async throws {
        let address = try BrokerAddress("unix:/tmp/no-broker-\(UInt64.random(in: 0 ... .max)).sock")
        let error = await failure { try await BrokerConnection.connect(to: address, token: "t") }
        #expect(error?.code == .connectionClosed)
        #expect(error?.isRetryable == true)
        #expect(error?.systemErrno == 2)
        #expect(error?.message.contains("\(address)") == true)
    }

    @Test func connectingInACancelledTaskIsCalledOff() async throws {
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.cancelAll()
            group.addTask {
                await failure { try await BrokerConnection.connect(to: .tcp(host: "127.0.0.1", port: 1), token: "t") }
            }
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
    }

    @Test func leavingTheScopeByAnErrorClosesTheConnectionToo() async throws {
        try await LoopbackBroker.run(.unix) { broker in
            try await broker.greet()
            await #expect(throws: BrokerPeer.EndOfConnection.self) { try await broker.receive() }
        } client: { address in
            let error = await failure {
                try await BrokerConnection.withConnection(to: address, token: "t") { _ in
                    throw BackendError(.conflict, message: "of the body")
                }
            }
            #expect(error?.code == .conflict)
        }
    }

    @Test func aBrokerThatHangsUpInTheMiddleOfAFrame() async throws {
        try await LoopbackBroker.run(.tcp) { broker in
            try await broker.greet()
            _ = try await broker.receiveCall()
            try await broker.send(bytes: [0, 0, 0])
        } client: { address in
            let error = await failure {
                try await BrokerConnection.withConnection(to: address, token: "t") { try await $0.stats() }
            }
            #expect(error?.code == .connectionClosed)
            #expect(error?.maybeExecuted == true)
        }
    }

    /// A broker that keeps to the windows, with a writer and a reader of 64 MiB each at the same time.
    @Test(arguments: LoopbackBroker.Transport.allCases)
    func sixtyFourMebibytesBothWays(transport: LoopbackBroker.Transport) async throws {
        let size = 64 << 20
        let pieceLength = 256 << 10
        try await LoopbackBroker.run(transport) { broker in
            let limits = SessionLimits(streamWindow: 1 << 20, connectionWindow: 3 << 20)
            try await broker.greet(limits)
            var transfer = try await Transfer(broker, limits: limits)
            while try await transfer.step(size: size, pieceLength: pieceLength, Self.pattern) {}
            #expect(transfer.received == size)
            #expect(transfer.mismatches == 0)
            // A unix socket that is closed before all of it was read resets the other side.
            await #expect(throws: BrokerPeer.EndOfConnection.self) { while true { _ = try await broker.receive() } }
        } client: { address in
            try await BrokerConnection.withConnection(to: address, token: "t") { connection in
                async let info = connection.write(
                    .root,
                    contents: Pieces(size: size, pieceLength: 300_000, make: Self.pattern),
                    on: Self.target
                )
                var read = 0
                var mismatches = 0
                for try await piece in try await connection.openReader(.root, on: Self.target) {
                    if piece != Self.pattern(read..<read + piece.readableBytes) { mismatches += 1 }
                    read += piece.readableBytes
                }
                #expect(read == size)
                #expect(mismatches == 0)
                let written = try await info
                #expect(written.size == UInt64(size))
            }
        }
    }
}

/// A sequence of so many bytes.
private struct Pieces: AsyncSequence, AsyncIteratorProtocol, Sendable {
    let size: Int
    let pieceLength: Int
    let make: @Sendable (Range<Int>) -> ByteBuffer
    var position = 0

    func makeAsyncIterator() -> Pieces { self }

    mutating func next() async -> ByteBuffer? {
        guard position < size else { return nil }
        let end = Swift.min(size, position + pieceLength)
        defer { position = end }
        return make(position..<end)
    }
}

/// The broker's side of one write and one read, each within its credit.
private struct Transfer {
    private let broker: BrokerPeer
    private let limits: SessionLimits
    private var writeID: UInt64 = 0
    private var readID: UInt64 = 0
    private var sent = 0
    private var streamCredit: Int
    private var connectionCredit: Int
    private(set) var received = 0
    private(set) var mismatches = 0
    private var isWritten = false

    init(_ broker: BrokerPeer, limits: SessionLimits) async throws {
        self.broker = broker
        self.limits = limits
        streamCredit = Int(limits.streamWindow)
        connectionCredit = Int(limits.connectionWindow)
    }

    /// Sends what may be sent, then takes a frame. False: all is done.
    mutating func step(
        size: Int,
        pieceLength: Int,
        _ pattern: (Range<Int>) -> ByteBuffer
    ) async throws -> Bool {
        while readID != 0, sent < size {
            let count = min(pieceLength, size - sent, streamCredit, connectionCredit)
            guard count > 0 else { break }
            let reply: Reply? = sent == 0 ? .read(.file(size: size)) : nil
            try await broker.send(.part(readID, reply, pattern(sent..<sent + count), last: sent + count == size))
            sent += count
            streamCredit -= count
            connectionCredit -= count
        }
        if isWritten, sent == size { return false }
        let frame = try await broker.receive()
        if let window = frame.window {
            if window.stream == 0 { connectionCredit += Int(window.bytes) } else { streamCredit += Int(window.bytes) }
            return true
        }
        switch frame.operation {
        case .read: readID = frame.id
        case .write: writeID = frame.id
        default: break
        }
        guard frame.id == writeID, writeID != 0 else { return true }
        let count = frame.payload.readableBytes
        if frame.payload != pattern(received..<received + count) { mismatches += 1 }
        received += count
        if count > 0 { try await broker.send(.window(writeID, count), .window(0, count)) }
        if frame.last {
            isWritten = true
            try await broker.send(.part(writeID, .write(.file(size: received))))
        }
        return true
    }
}
