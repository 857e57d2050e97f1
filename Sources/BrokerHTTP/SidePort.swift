package import AgentBackend
package import BrokerServer
internal import BrokerWire
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
package import PrometheusMetrics

/// The side port of a broker: MCP for agents that do not speak the wire, its health, its metrics, and a dashboard. HTTP/1.1,
/// on Hummingbird.
///
/// Its loops are those that the process shares, so that the broker's own are the wire's alone.
package struct SidePort: BrokerFront {
    private let factory: PrometheusMetricsFactory

    /// - Parameter factory: What was counted by it is told beside the broker's own metrics. One of ``makeFactory()``.
    package init(factory: PrometheusMetricsFactory = makeFactory()) {
        self.factory = factory
    }

    /// Where a process counts that has a side port.
    package static func makeFactory() -> PrometheusMetricsFactory {
        PrometheusMetricsFactory(help: RequestMetrics.help)
    }

    package func open(_ broker: BrokerAccess) async throws(BackendError) -> any OpenFront {
        let connections = HTTPConnectionTable { broker.configuration().http.maxConnections }
        let links = BrokerLinks(broker)
        let mcp = MCPEndpoint(broker, links)
        let dashboard = Dashboard(broker)
        let metrics = MetricsEndpoint(broker: broker, links: links, factory: factory)
        let routes = Routes(broker, mcp, metrics, dashboard)
        let channel = SidePortChannel(routes: routes, connections: connections, broker: broker)
        var listeners: [SidePortService.Listener] = []
        for address in broker.configuration().http.listen {
            listeners.append(try await Self.listen(address, channel, broker.logger))
        }
        return SidePortService(
            listeners: listeners,
            channel: channel,
            connections: connections,
            mcp: mcp,
            dashboard: dashboard,
            links: links,
            speaksTLS: broker.protect != nil,
            logger: broker.logger
        )
    }

    private static func listen(
        _ address: TCPAddress,
        _ channel: SidePortChannel,
        _ logger: Logger
    ) async throws(BackendError) -> SidePortService.Listener {
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // A client that closes is gone: see ``HTTPConnection``.
                .childChannelOption(.allowRemoteHalfClosure, value: false)
                .bind(host: address.host, port: Int(address.port)) { accepted in
                    channel.setup(channel: accepted, logger: logger)
                }
        } catch {
            throw BackendError(
                .invalidConfiguration,
                message: "cannot listen for HTTP on \(address): choose another address, or end what listens there",
                cause: error
            )
        }
    }
}
