import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization

@testable import BrokerClient

/// Attempts to connect whose outcome the test decides, on an event loop whose time the test moves.
final class ScriptedConnector: Connector {
    let loop = NIOAsyncTestingEventLoop()
    private let attempts: AsyncStream<ScriptedAttempt>
    private let began: AsyncStream<ScriptedAttempt>.Continuation

    init() {
        (attempts, began) = AsyncStream.makeStream()
    }

    var eventLoop: any EventLoop { loop }

    func makeAttempt() -> any ConnectionMaking {
        let attempt = ScriptedAttempt(loop)
        began.yield(attempt)
        return attempt
    }

    /// The next attempt that begins. One caller at a time.
    func nextAttempt() async throws -> ScriptedAttempt {
        for await attempt in attempts { return attempt }
        throw CancellationError()
    }

    func advance(by time: Duration) async {
        await loop.advanceTime(by: TimeAmount(time))
        await loop.run()
    }
}

final class ScriptedAttempt: ConnectionMaking {
    private let loop: NIOAsyncTestingEventLoop
    private let promise: EventLoopPromise<(ClientConnectionHandler, any Channel)>
    private let wasCalledOff = Atomic<Bool>(false)

    init(_ loop: NIOAsyncTestingEventLoop) {
        self.loop = loop
        promise = loop.makePromise()
    }

    var isCalledOff: Bool { wasCalledOff.load(ordering: .relaxed) }

    func connect(to address: BrokerAddress) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        promise.futureResult
    }

    func callOff() {
        wasCalledOff.store(true, ordering: .relaxed)
        promise.fail(BackendError.cancelledBeforeSent)
    }

    func fail(_ error: BackendError) async {
        promise.fail(error)
        await loop.run()
    }

    /// Connects. The test is the broker from now on.
    func succeed(
        _ configuration: BrokerConnection.Configuration = BrokerConnection.Configuration()
    ) async throws -> ScriptedBroker {
        let channel = NIOAsyncTestingChannel(loop: loop)
        let handler = ClientConnectionHandler(eventLoop: loop, configuration: configuration)
        try await channel.pipeline.addHandler(handler).get()
        try await channel.connect(to: SocketAddress(unixDomainSocketPath: "/broker")).get()
        promise.succeed((handler, channel))
        await loop.run()
        return ScriptedBroker(peer: .scripted(channel), channel: channel)
    }

    /// Connects and answers the hello.
    func greet(_ limits: SessionLimits = SessionLimits(keepaliveInterval: .zero)) async throws -> ScriptedBroker {
        let broker = try await succeed()
        try await broker.peer.greet(limits)
        return broker
    }
}

/// The broker's end of one connection.
struct ScriptedBroker {
    let peer: BrokerPeer
    let channel: NIOAsyncTestingChannel

    func lose() async throws {
        try await channel.close().get()
        await channel.testingEventLoop.run()
    }

    /// Takes the next call and answers it.
    @discardableResult
    func answer(_ reply: Reply) async throws -> ClientFrame {
        let frame = try await peer.receiveCall()
        try await peer.send(.part(frame.id, reply))
        return frame
    }
}
