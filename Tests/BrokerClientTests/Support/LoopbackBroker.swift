import NIOCore
import NIOPosix
import Testing

@testable import BrokerClient

/// A broker at a real socket that serves one connection with a script.
enum LoopbackBroker {
    enum Transport: String, CaseIterable, Sendable {
        case tcp
        case unix
    }

    /// Runs `script` as the broker and `client` with its address; returns when both have ended.
    static func run(
        _ transport: Transport,
        script: @escaping @Sendable (BrokerPeer) async throws -> Void,
        client: @Sendable (BrokerAddress) async throws -> Void
    ) async throws {
        let (listener, address) = try await listen(transport)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await listener.executeThenClose { connections in
                    for try await connection in connections {
                        try await connection.executeThenClose { inbound, outbound in
                            try await serve(inbound, outbound, script)
                        }
                        break
                    }
                }
            }
            try await client(address)
            try await group.waitForAll()
        }
    }

    private static func serve(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ script: @Sendable (BrokerPeer) async throws -> Void
    ) async throws {
        let reader = Reader(inbound)
        try await script(BrokerPeer(receive: { try await reader.next() }, send: { try await outbound.write($0) }))
    }

    private static func listen(
        _ transport: Transport
    ) async throws -> (NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>, BrokerAddress) {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let wrap: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
        }
        switch transport {
        case .tcp:
            let listener = try await bootstrap.bind(host: "127.0.0.1", port: 0, childChannelInitializer: wrap)
            let port = try #require(listener.channel.localAddress?.port)
            return (listener, try BrokerAddress("127.0.0.1:\(port)"))
        case .unix:
            let path = "/tmp/broker-client-\(UInt64.random(in: 0 ... .max)).sock"
            let listener = try await bootstrap.bind(unixDomainSocketPath: path, childChannelInitializer: wrap)
            return (listener, try BrokerAddress("unix:\(path)"))
        }
    }

    /// The iterator of a connection's bytes, for one reader at a time.
    private actor Reader {
        private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) {
            iterator = inbound.makeAsyncIterator()
        }

        func next() async throws -> ByteBuffer? {
            var iterator = iterator
            return try await iterator.next(isolation: self)
        }
    }
}
