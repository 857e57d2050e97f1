internal import BrokerServer
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// Which answer a request gets.
struct Routes: Sendable {
    private let responder: RouterResponder<SidePortContext>
    private let logger: Logger
    private let requests: RequestMetrics

    init(_ broker: BrokerAccess, _ mcp: MCPEndpoint, _ metrics: MetricsEndpoint, _ dashboard: Dashboard) {
        logger = broker.logger
        requests = RequestMetrics(metrics.factory)
        // Whoever asks with HEAD gets what GET does, without the body. Not of `/api`, where there is nothing at HEAD: its
        // answers are calls of the wire, and streams that do not end, for a body that nobody would read.
        let router = Router(context: SidePortContext.self, options: .autoGenerateHeadEndpoints)
        router.get("/healthz") { _, _ in Response(plain: "ok", .ok) }
        router.get("/readyz") { _, _ in
            broker.isDraining() ? Response(plain: "draining", .serviceUnavailable) : Response(plain: "ready", .ok)
        }
        router.get("/metrics") { request, context in await metrics.get(request, on: context.connection) }
        for path: RouterPath in ["/mcp", "/mcp/**"] {
            router.post(path) { request, context in try await mcp.post(request, on: context.connection) }
            router.delete(path) { request, context in try await mcp.delete(request, on: context.connection) }
            // Nothing is sent that was not asked for, so there is no stream to open.
            router.get(path) { _, _ in Response.notAllowed("POST, DELETE") }
        }
        for path: RouterPath in ["/", "/dashboard/**", "/api/**"] {
            for method in [HTTPRequest.Method.get, .post, .delete] {
                router.on(path, method: method) { request, context in
                    await dashboard.respond(to: request, on: context.connection)
                }
            }
        }
        responder = router.buildResponder()
    }

    func respond(to request: Request, on connection: HTTPConnection) async throws -> Response {
        try await requests.counting(request) {
            try await responder.respond(
                to: request,
                context: SidePortContext(source: SidePortContext.Source(connection: connection, logger: logger))
            )
        }
    }
}

/// What handlers know beside the request.
struct SidePortContext: RequestContext {
    struct Source: RequestContextSource {
        let connection: HTTPConnection
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let connection: HTTPConnection

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        connection = source.connection
    }
}

extension Response {
    init(plain text: String, _ status: HTTPResponse.Status) {
        self.init(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n"))
        )
    }

    static func notAllowed(_ methods: String) -> Response {
        Response(status: .methodNotAllowed, headers: [.allow: methods])
    }
}
