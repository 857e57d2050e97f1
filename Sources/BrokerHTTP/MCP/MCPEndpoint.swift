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
            let (caller, link) = try await caller(request, connection)
            try checkTypes(request)
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
            let (caller, link) = try await caller(request, connection)
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
        let address: SocketAddress?
        let target: MCPTarget
        /// What the request is a part of, as W3C Trace Context writes it; empty: it does not say.
        let traceparent: String
    }

    /// The token comes before all but the page that asks: what is wrong with the rest is told, and recorded, of who has
    /// shown one.
    private func caller(
        _ request: Request,
        _ connection: HTTPConnection
    ) async throws(MCPRefusal) -> (Caller, BrokerLinks.Use) {
        let address = connection.remoteAddress
        do throws(MCPRefusal) {
            try checkOrigin(request)
        } catch {
            // Whose token the page has is the record's alone to say: the answer is the same for all.
            let principal = (try? MCPHeaders.token(request)).flatMap { try? broker.principal($0) }
            let refusal = request.refusal(Self.part, .origin, .permissionDenied, "its Origin may not")
            broker.auditRefusal(refusal, principal, address)
            throw error
        }
        guard !broker.isDraining() else { throw .draining }
        let token = try MCPHeaders.token(request)
        let link: BrokerLinks.Use
        do throws(BackendError) {
            link = try await links.use(token, for: address)
        } catch {
            throw MCPRefusal(error)
        }
        do throws(BackendError) {
            let target = try MCPTarget(path: request.head.path ?? "", header: try MCPHeaders.scopePath(request))
            let traceparent = MCPHeaders.traceparent(request)
            return (Caller(token: token, address: address, target: target, traceparent: traceparent), link)
        } catch {
            // Where it is in the header, that is what tells what was tried.
            let header = request.headers[.xScopePath].map { "X-Scope-Path \($0): " } ?? ""
            let refusal = request.refusal(Self.part, .target, error.code, header + error.message)
            broker.auditRefusal(refusal, try? broker.principal(token), address)
            throw MCPRefusal(error)
        }
    }

    /// As the audit log names it.
    private static let part = "mcp"

    /// Has something recorded that was asked of a workspace, and not given.
    private func tellRefused(
        _ kind: FrontRefusal.Kind,
        _ what: String,
        _ code: BackendError.Code,
        _ caller: Caller
    ) {
        let target = caller.target
        let refusal = FrontRefusal(
            Self.part,
            kind,
            key: target.key,
            scope: target.scope.isRoot ? "" : WorkspacePath.printable(target.scope.bytes),
            subject: what,
            code: code
        )
        broker.auditRefusal(refusal, try? broker.principal(caller.token), caller.address)
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
        guard let session = sessions.session(id, link.token, caller.target) else {
            // Its name is nobody's who does not have it.
            tellRefused(.session, "a session that is another's, or none", .notFound, caller)
            throw .unknownSession
        }
        return session
    }

    func context(_ caller: Caller, _ link: BrokerLinks.Use) -> ToolContext {
        let settings = broker.configuration().http
        let (key, scope) = (caller.target.key, caller.target.scope)
        return ToolContext(
            backend: link.backend.view(key: key, scope: scope, traceparent: caller.traceparent),
            commands: commands,
            owner: HeldCommands.Owner(token: link.token.bytes, key: key, scope: scope),
            limits: ToolLimits(resultBytes: settings.maxResultBytes, mediaBytes: settings.maxMediaBytes),
            refused: { tellRefused(FrontRefusal.Kind($0.kind), "\($0.tool) \($0.subject)", $0.code, caller) }
        )
    }
}

extension FrontRefusal.Kind {
    fileprivate init(_ kind: ToolRefusal.Kind) {
        self =
            switch kind {
            case .path: .path
            case .command: .command
            }
    }
}
