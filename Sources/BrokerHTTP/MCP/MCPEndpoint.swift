internal import AgentBackend
internal import BrokerClient
internal import BrokerServer
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// The Model Context Protocol over HTTP, of both its eras, at one address: `/mcp/{key}/{scope…}`.
///
/// What a client is allowed is the broker's to say: each request goes over a connection of the wire that was made with
/// the client's own token, see ``BrokerFront``. Safe to use from any thread.
struct MCPEndpoint: Sendable {
    let broker: BrokerAccess
    let links: BrokerLinks
    let sessions: MCPSessions
    let commands: HeldCommands
    let bodies: BodyBudget
    let server = ToolServer(version: BrokerVersion.current)

    init(_ broker: BrokerAccess, _ links: BrokerLinks) {
        self.broker = broker
        self.links = links
        let settings = { @Sendable in broker.configuration().http }
        sessions = MCPSessions {
            let settings = settings()
            return MCPSessions.Limits(
                maximum: settings.maxSessions,
                maximumPerToken: settings.maxSessionsPerToken,
                idleTime: settings.sessionIdleTimeout
            )
        }
        commands = HeldCommands(
            limits: {
                let settings = settings()
                return HeldCommands.Limits(
                    maximumCommands: settings.maxCommands,
                    maximumCommandsPerOwner: settings.maxCommandsPerKey,
                    outputBytes: settings.commandOutputBytes
                )
            }
        )
        bodies = BodyBudget { settings().maxBodyBytesInFlight }
    }

    /// Until ``stop()``, or by cancellation.
    func run() async {
        await withTaskGroup { group in
            group.addTask { await sessions.run() }
            group.addTask { await commands.run() }
            await group.next()
            group.cancelAll()
        }
    }

    func stop() {
        commands.stop()
    }

    // MARK: Requests

    func post(_ request: Request, on connection: HTTPConnection) async throws -> Response {
        await answering { () throws(MCPRefusal) in
            let caller = try caller(request)
            try checkTypes(request)
            let link = try await link(caller, connection)
            let settings = broker.configuration().http
            return try await bodies.withBody(
                of: request,
                upTo: settings.maxBodyBytes,
                settings.bodyTimeout,
                refusal: MCPRefusal.init
            ) { body throws(MCPRefusal) in
                try await answer(body, request, caller, link, connection)
            }
        }
    }

    /// Ends a session, with what it asked for.
    func delete(_ request: Request, on connection: HTTPConnection) async throws -> Response {
        await answering { () throws(MCPRefusal) in
            let caller = try caller(request)
            let link = try await link(caller, connection)
            if case .stateless = try MCPHeaders.version(request)?.era {
                return .notAllowed("POST")
            }
            sessions.end(try session(request, caller, link))
            return Response(status: .noContent)
        }
    }

    private func answering(
        _ body: () async throws(MCPRefusal) -> Response
    ) async -> Response {
        do throws(MCPRefusal) {
            return try await body()
        } catch {
            return error.response
        }
    }

    /// Who asks, and about what.
    struct Caller: Sendable {
        let token: String
        let target: MCPTarget
        /// What the request is a part of, as W3C Trace Context writes it; empty: it does not say.
        let traceparent: String
    }

    private func caller(_ request: Request) throws(MCPRefusal) -> Caller {
        try checkOrigin(request)
        guard !broker.isDraining() else { throw .draining }
        let token = try MCPHeaders.token(request)
        do throws(BackendError) {
            let header = try MCPHeaders.scopePath(request)
            return Caller(
                token: token,
                target: try MCPTarget(path: request.head.path ?? "", header: header),
                traceparent: MCPHeaders.traceparent(request)
            )
        } catch {
            throw MCPRefusal(error)
        }
    }

    /// A page of somebody else must not call with the rights of whoever looks at it.
    private func checkOrigin(_ request: Request) throws(MCPRefusal) {
        guard let origin = request.headers[.origin]?.lowercased() else { return }
        let isOwn = ["http://localhost", "http://127.0.0.1", "http://[::1]"].contains { own in
            ["", "s"].contains { scheme in
                let own = own.replacing("http:", with: "http\(scheme):")
                return origin == own || origin.hasPrefix("\(own):")
            }
        }
        guard isOwn || broker.configuration().http.allowedOrigins.contains(origin) else { throw .origin }
    }

    private func checkTypes(_ request: Request) throws(MCPRefusal) {
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
        guard type == "application/json" else { throw .contentType }
        guard MCPHeaders.accepts(request, "application/json") else { throw .accept }
    }

    private func link(
        _ caller: Caller,
        _ connection: HTTPConnection
    ) async throws(MCPRefusal) -> BrokerLinks.Use {
        do throws(BackendError) {
            return try await links.use(caller.token, for: connection.remoteAddress)
        } catch {
            throw MCPRefusal(error)
        }
    }

    // MARK: Messages

    private func answer(
        _ body: ByteBuffer,
        _ request: Request,
        _ caller: Caller,
        _ link: BrokerLinks.Use,
        _ connection: HTTPConnection
    ) async throws(MCPRefusal) -> Response {
        let message: RPCMessage
        do throws(RPCFailure) {
            message = try RPCMessage(body)
        } catch {
            throw MCPRefusal(error.response)
        }
        let version = try MCPHeaders.version(request, of: message)
        let exchange = MCPExchange(
            endpoint: self,
            request: request,
            caller: caller,
            link: link,
            connection: connection
        )
        switch version.era {
        case .stateless: return try await exchange.stateless(message, version)
        case .handshake: return try await exchange.inSession(message)
        }
    }

    func session(
        _ request: Request,
        _ caller: Caller,
        _ link: BrokerLinks.Use
    ) throws(MCPRefusal) -> MCPSessions.Session {
        guard let id = request.headers[.mcpSessionID] else { throw .noSession }
        guard let session = sessions.session(id, link.token, caller.target) else { throw .unknownSession }
        return session
    }

    func context(_ caller: Caller, _ link: BrokerLinks.Use) -> ToolContext {
        let settings = broker.configuration().http
        let (key, scope) = (caller.target.key, caller.target.scope)
        return ToolContext(
            backend: link.backend.view(key: key, scope: scope, traceparent: caller.traceparent),
            commands: commands,
            owner: HeldCommands.Owner(token: link.token.bytes, key: key, scope: scope),
            limits: ToolLimits(resultBytes: settings.maxResultBytes, mediaBytes: settings.maxMediaBytes)
        )
    }
}
