internal import BrokerServer
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import ModelContextProtocol
internal import NIOCore
internal import ServiceLifecycle

/// Runs the side port until the broker has drained: the last answers go through it.
struct SidePortService: OpenFront {
    typealias Listener = NIOAsyncChannel<SidePortChannel.Value, Never>

    let listeners: [Listener]
    let channel: SidePortChannel
    let connections: HTTPConnectionTable
    let mcp: MCPEndpoint
    let dashboard: Dashboard
    let links: BrokerLinks
    let speaksTLS: Bool
    let logger: Logger

    /// Time for answers to reach their clients once there are no more calls.
    private static let patience = Duration.seconds(5)

    var addresses: [ReadyReport.Wire] {
        listeners.compactMap { listener in
            guard let address = listener.channel.localAddress, let host = address.ipAddress, let port = address.port
            else { return nil }
            let text = address.protocol == .inet6 ? "[\(host)]:\(port)" : "\(host):\(port)"
            return ReadyReport.Wire(address: text, speaksTLS: speaksTLS)
        }
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for listener in listeners {
                group.addTask { await accept(listener) }
            }
            group.addTask { await mcp.run() }
            group.addTask { await dashboard.run() }
            group.addTask { await links.run { token in mcp.commands.isRunning(of: token.bytes) } }
            // Ends by cancellation too: then nothing is waited for.
            try? await gracefulShutdown()
            for listener in listeners { listener.channel.close(promise: nil) }
            dashboard.stop()
            connections.quiesce()
            await connections.waitUntilEmpty(atMost: Self.patience)
            await connections.closeAll()
            mcp.stop()
            await links.close()
            group.cancelAll()
        }
    }

    private func accept(_ listener: Listener) async {
        do {
            try await listener.executeThenClose { accepted in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in accepted {
                        group.addTask { await channel.handle(value: connection, logger: logger) }
                    }
                }
            }
        } catch {
            logger.debug("no more connections are accepted", metadata: ["error": "\(error)"])
        }
    }
}
