import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// A connection without a socket, on an event loop whose time stands still until a test moves it.
struct ConnectionHarness {
    let loop = NIOAsyncTestingEventLoop()
    let channel: NIOAsyncTestingChannel
    let handler: StubHandler
    let observer = StubObserver()
    let connections: ConnectionTable
    private let output = OutputReader()

    /// Weak: the channel owns it.
    private let connection: NIOLoopBound<WeakConnection>

    private final class WeakConnection {
        weak var handler: ConnectionHandler?
    }

    init(
        limits: SessionLimits = SessionLimits(),
        admission: CallAdmission = .stub(),
        handler makeHandler: (NIOAsyncTestingEventLoop) -> StubHandler = { StubHandler(eventLoop: $0) }
    ) async throws {
        handler = makeHandler(loop)
        channel = NIOAsyncTestingChannel(loop: loop)
        let settings = ConnectionSettings(
            limits: limits,
            helloDeadline: .seconds(5),
            keepaliveMisses: 3,
            maximumUnsent: 1 << 20,
            serverVersion: "9.9",
            node: "n",
            authenticate: { token in
                guard token == "right" else { return .failure(BackendError(.authFailed, message: "wrong token")) }
                return .success(.stub)
            },
            observer: observer,
            admission: admission
        )
        let limits = AdmissionLimits(BrokerConfiguration(root: "/r", node: "n"))
        connections = ConnectionTable(limits, drain: BrokerDrain()) { .zero }
        let entry = connections.makeEntry()
        _ = connections.add(
            entry,
            ConnectionTable.Member(
                drain: { _ in },
                cancelCalls: {},
                close: { _ in },
                displace: { _ in },
                // Another one: the table is not to keep what ``isAlive`` asks for.
                connection: ConnectionHandler(
                    settings: settings,
                    handler: handler,
                    eventLoop: loop,
                    codec: FrameCodec(settings),
                    poller: BusyPoller(),
                    entry: connections.makeEntry()
                )
            ),
            from: nil
        )
        let (channel, loop, stub) = (channel, loop, handler)
        connection = try await loop.executeInContext {
            let weak = WeakConnection()
            let handler = ConnectionHandler(
                settings: settings,
                handler: stub,
                eventLoop: loop,
                codec: FrameCodec(settings),
                poller: BusyPoller(),
                entry: entry
            )
            weak.handler = handler
            try channel.pipeline.syncOperations.addHandler(handler)
            return NIOLoopBound(weak, eventLoop: loop)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
    }

    /// Whether the connection is still in memory.
    var isAlive: Bool {
        get async throws {
            let connection = connection
            return try await loop.executeInContext { connection.value.handler != nil }
        }
    }

    /// Calls a method of the connection on its event loop.
    func withConnection<Value: Sendable>(_ body: @escaping @Sendable (ConnectionHandler) -> Value) async throws
        -> Value?
    {
        let connection = connection
        let value = try await loop.executeInContext { connection.value.handler.map(body) }
        await loop.run()
        return value
    }

    // MARK: The client's part

    func hello() async throws {
        try await receive(ClientFrame(id: 0, body: .hello(Hello(token: "right", clientName: ""))))
        let reply = try await sent()
        try #require(reply.count == 1)
        guard case .helloReply = reply[0].body else {
            Issue.record("\(reply[0])")
            return
        }
    }

    /// Frames arrive together, in one read.
    func receive(_ frames: ClientFrame...) async throws {
        try await receive(frames)
    }

    func receive(_ frames: [ClientFrame]) async throws {
        try await receive(bytes: Self.bytes(of: frames))
    }

    func receive(bytes: ByteBuffer) async throws {
        try await channel.writeInbound(bytes)
        await loop.run()
    }

    func closeInput() async throws {
        let channel = channel
        try await loop.executeInContext {
            channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        await loop.run()
    }

    /// What the connection has sent since the last call.
    func sent() async throws -> [ServerFrame] {
        while let bytes = try await channel.readOutbound(as: ByteBuffer.self) { output.append(bytes) }
        return try output.frames()
    }

    func setWritable(_ isWritable: Bool) async throws {
        let channel = channel
        channel.isWritable = isWritable
        try await loop.executeInContext { channel.pipeline.fireChannelWritabilityChanged() }
        await loop.run()
    }

    static func bytes(of frames: [ClientFrame]) -> ByteBuffer {
        let encoder = ClientFrameEncoder()
        var bytes = ByteBuffer()
        for frame in frames {
            if let payload = encoder.encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
        }
        return bytes
    }

    static func call(
        _ id: UInt64,
        lane: UInt32 = 0,
        deadline: Duration? = nil,
        last: Bool = true,
        _ operation: BrokerWire.Operation = .echo,
        payload: ByteBuffer = ByteBuffer()
    ) -> ClientFrame {
        var options = CallOptions()
        options.lane = lane
        if let deadline { options.special = CallOptions.Special(deadline: deadline) }
        return ClientFrame(id: id, last: last, options: options, body: .call(operation), payload: payload)
    }
}

private final class OutputReader {
    private var accumulator = FrameAccumulator()
    private let decoder = ServerFrameDecoder()

    func append(_ bytes: ByteBuffer) { accumulator.append(bytes) }

    func frames() throws -> [ServerFrame] {
        var frames: [ServerFrame] = []
        while let message = try accumulator.next() { frames.append(try decoder.decode(message)) }
        return frames
    }
}

/// Answers calls as a test says.
actor StubHandler: RequestHandler {
    typealias Perform = @Sendable (Call, any CallStream) async throws(BackendError) -> Answer

    private nonisolated let eventLoop: NIOAsyncTestingEventLoop
    private let onAttempt: @Sendable (Call) -> Attempt
    private nonisolated let onPerform: Perform
    nonisolated let endedSessions = Atomic<Int>(0)
    /// Calls that came this far, on the spot or not.
    nonisolated let attempts = Atomic<Int>(0)

    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    init(
        eventLoop: NIOAsyncTestingEventLoop,
        attempt: @escaping @Sendable (Call) -> Attempt = { .done(Answer(.echo, payload: $0.payload)) },
        perform: @escaping Perform = { call, _ throws(BackendError) in Answer(.echo, payload: call.payload) }
    ) {
        self.eventLoop = eventLoop
        onAttempt = attempt
        onPerform = perform
    }

    nonisolated func inIsolation(_ body: @Sendable (isolated any RequestHandler) -> Void) {
        assumeIsolated { body($0) }
    }

    func attempt(_ call: Call, in session: Session) -> Attempt {
        attempts.add(1, ordering: .relaxed)
        return onAttempt(call)
    }

    func finishBatch(
        in session: Session,
        _ finish: @Sendable (isolated any RequestHandler, Call, Attempt) -> Void
    ) {}

    nonisolated func perform(
        _ call: Call,
        in session: Session,
        stream: any CallStream
    ) async throws(BackendError) -> Answer {
        try await onPerform(call, stream)
    }

    nonisolated func sessionRenewed(_ session: Session, _ principal: Principal) {}

    nonisolated func sessionEnded(_ session: Session) {
        endedSessions.add(1, ordering: .relaxed)
    }
}

/// Holds calls up until a test opens it. Not ended by cancelling.
final class Gate: Sendable {
    private enum State {
        case closed([CheckedContinuation<Void, Never>])
        case open
    }

    private let state = Mutex(State.closed([]))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard case .closed(let waiters) = state else { return true }
                state = .closed(waiters + [continuation])
                return false
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .closed(let waiters) = state else { return [] }
            state = .open
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

final class StubObserver: ConnectionObserver {
    let counters = OrgCounters()
    private let errors = Mutex<[BackendError]>([])
    private let endCount = Atomic<Int>(0)

    var failures: [BackendError] { errors.withLock { $0 } }
    var ends: Int { endCount.load(ordering: .relaxed) }

    func connectionAccepted() {}

    func connectionAuthenticated(_ principal: Principal, clientName: String) -> OrgCounters { counters }

    func authenticationFailed(_ failure: AuthenticationFailure, of stranger: Stranger) {}

    func connectionRefused(_ error: BackendError, peer: String, inAll: UInt64) {}

    func handshakeFailed(_ error: BackendError, peer: String) {}

    func connectionFailed(_ error: BackendError, peer: String) { errors.withLock { $0.append(error) } }

    func connectionEnded(_ principal: Principal?) { endCount.add(1, ordering: .relaxed) }
}

extension CallAdmission {
    /// With one org, that of ``Principal/stub``; its calls wait for nothing but `slots`.
    static func stub(
        _ slots: BrokerSlots = BrokerSlots(calls: 10_000, commands: 10_000),
        time: BrokerTime = BrokerTime(),
        _ change: (inout Org.Limits) -> Void = { _ in }
    ) -> CallAdmission {
        let org = Principal.stub.org
        var limits = org.limits
        change(&limits)
        let admission = CallAdmission(slots, time: time)
        admission.update(limits: limits, of: org.id)
        return admission
    }
}

extension Principal {
    static var stub: Principal {
        let configuration = BrokerConfiguration(root: "/r", node: "n")
        let org = Org(
            id: 0,
            name: "acme",
            environment: Environment(),
            identity: nil,
            limits: Org.Limits(OrgConfiguration.Limits(), defaults: configuration)
        )
        let token = Token.generate()
        return Principal(org: org, token: TokenRecord(id: token.id, name: "", hash: token.hash))
    }
}

/// What stands in a frame, without its payload: for comparing many at once.
extension ServerFrame {
    var kind: String {
        switch body {
        case .helloReply: "hello"
        case .ping: "ping"
        case .pong(let nonce): "pong \(nonce)"
        case .window(let stream, let bytes): "window \(stream) \(bytes)"
        case .goAway(let goAway): "go away \(goAway.error.map { "\($0.code)" } ?? "planned") \(goAway.lastID)"
        case .chunk: "\(id) chunk\(last ? " last" : "")"
        case .error(let error): "\(id) \(error.code)"
        case .reply(let reply): "\(id) \("\(reply)".prefix { $0 != "(" })\(last ? " last" : "")"
        case .unknown: "unknown"
        }
    }

    var error: BackendError? {
        switch body {
        case .error(let error): error
        case .goAway(let goAway): goAway.error
        default: nil
        }
    }
}
