import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Synchronization
import Testing

enum Transport: CaseIterable, Sendable {
    case tcp, unix

    func address(of broker: InProcessBroker) -> RawWireClient.Address {
        switch self {
        case .tcp: .tcp(port: broker.port)
        case .unix: .unix(path: broker.unixSocket)
        }
    }
}

/// A client in an honest conversation with a broker, over a real socket.
struct WireConversation: Sendable {
    let client: RawWireClient
    private let lastID = IDCounter()

    private final class IDCounter: Sendable {
        private let last = Atomic<UInt64>(0)

        func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
    }

    /// Connects and says hello.
    init(
        with broker: InProcessBroker,
        over transport: Transport = .tcp,
        org: String = "acme",
        token: String? = nil,
        receiveBuffer: Int? = nil,
        givesCredit: Bool = true
    ) async throws {
        client = try await RawWireClient.connect(
            to: transport.address(of: broker),
            receiveBuffer: receiveBuffer,
            givesCredit: givesCredit
        )
        let hello = Hello(token: token ?? broker.token(of: org), clientName: "test")
        try await client.send(ClientFrame(id: 0, body: .hello(hello)))
        let reply = try #require(try await client.next(of: 0))
        guard case .helloReply = reply.body else { throw Unexpected(frame: reply) }
    }

    struct Unexpected: Error {
        let frame: ServerFrame?
    }

    func nextID() -> UInt64 { lastID.next() }

    /// A frame that begins a call on the key "k".
    func frame(
        _ operation: BrokerWire.Operation,
        key: String = "k",
        backend: BackendType = .localFilesystem,
        lane: UInt32 = 0,
        special: CallOptions.Special? = nil,
        last: Bool = true,
        payload: ByteBuffer = ByteBuffer()
    ) -> ClientFrame {
        var options = CallOptions()
        options.lane = lane
        options.special = special
        return ClientFrame(
            id: nextID(),
            target: Target(backend: backend, key: key),
            last: last,
            options: options,
            body: .call(operation),
            payload: payload
        )
    }

    /// Sends a call and returns its id.
    func begin(_ frame: ClientFrame) async throws -> UInt64 {
        try await client.send(frame)
        return frame.id
    }

    /// Sends a call, and returns its answers.
    func answers(to frame: ClientFrame) async throws -> [ServerFrame] {
        try await client.frames(of: try await begin(frame))
    }

    /// The final answer, and all the payload bytes. Throws the error that the call ended with.
    @discardableResult
    func call(_ frame: ClientFrame) async throws -> (reply: Reply?, payload: ByteBuffer) {
        try await result(of: try await begin(frame))
    }

    @discardableResult
    func result(of id: UInt64) async throws -> (reply: Reply?, payload: ByteBuffer) {
        let frames = try await client.frames(of: id)
        var (payload, reply) = (ByteBuffer(), Reply?.none)
        for frame in frames {
            payload.writeImmutableBuffer(frame.payload)
            switch frame.body {
            case .error(let error): throw error
            case .reply(let next): reply = next
            default: break
            }
        }
        guard frames.last?.last == true else { throw Unexpected(frame: frames.last) }
        return (reply, payload)
    }

    func write(_ text: String, to path: String, key: String = "k", lane: UInt32 = 0) async throws {
        try await call(
            frame(.write(Write(path: Array(path.utf8))), key: key, lane: lane, payload: ByteBuffer(string: text))
        )
    }

    func read(_ path: String, key: String = "k") async throws -> String {
        String(buffer: try await call(frame(.read(Read(path: Array(path.utf8))), key: key)).payload)
    }

    func exists(_ path: String, key: String = "k") async throws -> Bool {
        do {
            try await call(frame(.stat(Stat(path: Array(path.utf8))), key: key))
            return true
        } catch let error as BackendError where error.reason == .notFound {
            return false
        }
    }

    /// Makes a directory in memory that one answer of a fifth of a megabyte lists.
    func fillMemory() async throws {
        let names = (0..<1000).map { "name-\($0)-" + String(repeating: "n", count: 200) }
        let frames = names.map { frame(.write(Write(path: Array($0.utf8))), backend: .memory) }
        try await client.send(RawWireClient.bytes(of: frames))
        for frame in frames { try await result(of: frame.id) }
    }

    func statistics() async throws -> StatsReply {
        guard case .stats(let stats)? = try await call(frame(.stats(Stats()))).reply else {
            throw Unexpected(frame: nil)
        }
        return stats
    }

    /// Asks the broker again and again, until its counters are as wanted. Ended by the test's time limit.
    func waitUntil(_ isSo: (StatsReply) -> Bool) async throws {
        while try await !isSo(statistics()) { try Task.checkCancellation() }
    }

    /// Reads a call's frames to the one that a command has started with.
    func waitUntilStarted(_ id: UInt64) async throws {
        let frame = try await client.next(of: id)
        guard case .reply(.execStarted)? = frame?.body else { throw Unexpected(frame: frame) }
    }

    static func shell(_ line: String, opensStandardInput: Bool = false) -> BrokerWire.Operation {
        .execStart(ExecStart(program: .shellLine(Array(line.utf8)), opensStandardInput: opensStandardInput))
    }
}

/// Runs `body` with a broker and a client that has said hello, over each transport; closes the client.
func withConversation(
    over transport: Transport = .tcp,
    configure: (inout BrokerConfiguration) -> Void = { _ in },
    _ body: (InProcessBroker, WireConversation) async throws -> Void
) async throws {
    try await withBroker(configure: configure) { broker in
        let conversation = try await WireConversation(with: broker, over: transport)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(broker, conversation))
        } catch {
            result = .failure(error)
        }
        await conversation.client.close()
        return try result.get()
    }
}

/// The code of the error that `body` throws; nil where it throws none.
func errorCode(_ body: () async throws -> Void) async throws -> BackendError.Code? {
    do {
        try await body()
        return nil
    } catch let error as BackendError {
        return error.code
    }
}
