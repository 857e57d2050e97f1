import AgentBackend
import BrokerWire
import NIOCore

/// The broker's end of a connection, for scripts: takes and sends frames one at a time.
actor BrokerPeer {
    private let receiveBytes: @Sendable () async throws -> ByteBuffer?
    private let sendBytes: @Sendable (ByteBuffer) async throws -> Void
    private var accumulator = FrameAccumulator()
    private let decoder = ClientFrameDecoder()
    private let encoder = ServerFrameEncoder()

    init(
        receive: @escaping @Sendable () async throws -> ByteBuffer?,
        send: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) {
        receiveBytes = receive
        sendBytes = send
    }

    struct EndOfConnection: Error {}

    /// The next frame of the client.
    func receive() async throws -> ClientFrame {
        while true {
            if let message = try accumulator.next() { return try decoder.decode(message) }
            guard let bytes = try await receiveBytes() else { throw EndOfConnection() }
            accumulator.append(bytes)
        }
    }

    /// The next frame that begins a call, or belongs to one.
    func receiveCall() async throws -> ClientFrame {
        while true {
            let frame = try await receive()
            if frame.id != 0 { return frame }
        }
    }

    func send(_ frames: ServerFrame...) async throws {
        var bytes = ByteBuffer()
        for frame in frames {
            if var payload = encoder.encode(frame, into: &bytes) { bytes.writeBuffer(&payload) }
        }
        try await sendBytes(bytes)
    }

    func send(bytes: [UInt8]) async throws {
        try await sendBytes(ByteBuffer(bytes: bytes))
    }

    /// Answers the hello. Returns it.
    @discardableResult
    func greet(_ limits: SessionLimits = SessionLimits()) async throws -> Hello? {
        guard case .hello(let hello) = try await receive().body else { return nil }
        let reply = HelloReply(
            version: protocolVersion,
            serverVersion: "9.9.9",
            features: Feature.allCases.map(\.rawValue),
            node: "node-1",
            org: "acme",
            limits: limits,
            serverTime: 0
        )
        try await send(ServerFrame(id: 0, body: .helloReply(reply)))
        return hello
    }
}

extension ServerFrame {
    static func part(_ id: UInt64, _ reply: Reply?, _ payload: ByteBuffer = ByteBuffer(), last: Bool = true) -> Self {
        ServerFrame(id: id, last: last, body: reply.map { .reply($0) } ?? .chunk, payload: payload)
    }

    static func failure(_ id: UInt64, _ error: BackendError) -> Self {
        ServerFrame(id: id, body: .error(error))
    }

    static func window(_ stream: UInt64, _ bytes: Int) -> Self {
        ServerFrame(id: 0, body: .window(stream: stream, bytes: UInt64(bytes)))
    }
}

extension ClientFrame {
    /// What it asks for, by name; nil for what is no call.
    var operation: Operation? {
        if case .call(let operation) = body { operation } else { nil }
    }

    /// The call that it cancels.
    var cancelled: UInt64? {
        if case .cancel(let call) = body { call } else { nil }
    }
}

extension FileInfo {
    static func file(size: Int) -> FileInfo {
        FileInfo(kind: .regular, size: UInt64(size), modifiedNanoseconds: 17, permissions: 0o644)
    }
}

extension ClientFrame {
    var pingNonce: UInt64? {
        if case .ping(let nonce) = body { nonce } else { nil }
    }
}

extension ClientFrame {
    var window: (stream: UInt64, bytes: UInt64)? {
        if case .window(let stream, let bytes) = body { (stream, bytes) } else { nil }
    }
}
