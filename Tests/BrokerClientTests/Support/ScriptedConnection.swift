import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded

@testable import BrokerClient

/// A connection without a socket and with a clock of its own; the test is the broker.
struct ScriptedConnection {
    let connection: BrokerConnection
    let broker: BrokerPeer
    let channel: NIOAsyncTestingChannel

    static let target = BrokerTarget(key: "k")

    /// Connected, with the hello answered.
    init(
        limits: SessionLimits = SessionLimits(),
        configuration: BrokerConnection.Configuration = BrokerConnection.Configuration()
    ) async throws {
        let (handler, channel, broker) = try await Self.unopened(configuration)
        async let connection = BrokerConnection(handler, channel, token: "ab_token")
        try await broker.greet(limits)
        self.connection = try await connection
        self.broker = broker
        self.channel = channel
    }

    /// Nothing said yet.
    static func unopened(
        _ configuration: BrokerConnection.Configuration = BrokerConnection.Configuration()
    ) async throws -> (ClientConnectionHandler, NIOAsyncTestingChannel, BrokerPeer) {
        let channel = NIOAsyncTestingChannel()
        let handler = ClientConnectionHandler(eventLoop: channel.testingEventLoop, configuration: configuration)
        try await channel.pipeline.addHandler(handler).get()
        try await channel.connect(to: SocketAddress(unixDomainSocketPath: "/broker")).get()
        return (handler, channel, .scripted(channel))
    }

    func advance(by time: Duration) async {
        await channel.testingEventLoop.advanceTime(by: TimeAmount(time))
    }

    /// The broker is gone.
    func lose() async throws {
        try await channel.close().get()
    }

    /// Waits until everything that was asked of the event loop is done.
    func settle() async {
        await channel.testingEventLoop.run()
    }
}

extension BrokerPeer {
    /// At the other end of a channel without a socket.
    static func scripted(_ channel: NIOAsyncTestingChannel) -> BrokerPeer {
        BrokerPeer {
            // A script that waits in vain ends with its test.
            try await withTaskCancellationHandler {
                try await channel.waitForOutboundWrite(as: ByteBuffer.self)
            } onCancel: {
                channel.close(promise: nil)
            }
        } send: {
            try await channel.writeInbound($0)
            // What that put off, such as the end of a channel's closing.
            await channel.testingEventLoop.run()
        }
    }
}

/// The error that `body` throws; nil: none.
func failure<Value>(_ body: () async throws -> Value) async -> BackendError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? BackendError
    }
}

extension ScriptedConnection {
    /// Calls that are sent and not yet answered.
    var sentCalls: Int {
        get async { await onLoop { $0.calls.values.count { $0.isSent } } }
    }

    /// Waits until so many calls are sent or wait to be.
    func untilCallsPending(_ count: Int) async {
        while await onLoop({ $0.calls.count }) != count { await Task.yield() }
    }

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (ClientConnectionHandler) -> Value) async -> Value {
        let handler = connection.handler
        return await withCheckedContinuation { continuation in
            channel.testingEventLoop.execute { continuation.resume(returning: body(handler)) }
        }
    }
}
