internal import AgentBackend
internal import BrokerClient
internal import BrokerServer
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// The dashboard: its page, and what that asks for. Safe to use from any thread.
///
/// What it shows and does is the broker's to allow: all of it goes over a connection of the wire that was made with the
/// token that was logged in with, see ``BrokerFront``.
struct Dashboard: Sendable {
    let broker: BrokerAccess
    let sessions: DashboardSessions
    let bodies: BodyBudget
    private let assets: DashboardAssets
    private let feeds: DashboardFeeds

    /// Longest body of a request: there are but tokens.
    private static let maximumBody = 4096

    init(_ broker: BrokerAccess, assets: DashboardAssets = .embedded) {
        let feeds = DashboardFeeds(broker)
        self.broker = broker
        // Nobody who logs in waits for what somebody else does not send.
        bodies = BodyBudget { Self.maximumBody * broker.configuration().http.maxConnections }
        self.assets = assets
        self.feeds = feeds
        sessions = DashboardSessions(
            limits: {
                let settings = broker.configuration().http
                return DashboardSessions.Limits(
                    maximum: settings.maxDashboardSessions,
                    maximumStreams: settings.maxEventStreams,
                    idleTime: settings.sessionIdleTimeout
                )
            },
            released: { feeds.release($0) }
        )
    }

    /// Until ``stop()``, or by cancellation.
    func run() async {
        await withTaskGroup { group in
            group.addTask { await feeds.run { sessions.endAll(of: $0, $0.reason) } }
            group.addTask { await sessions.run() }
            await group.next()
            group.cancelAll()
        }
    }

    func stop() {
        feeds.stop()
    }

    // MARK: Requests

    /// The answer to any request of the dashboard's addresses.
    func respond(to request: Request, on connection: HTTPConnection) async -> Response {
        let response: Response
        do throws(DashboardRefusal) {
            response = try await answer(request, connection)
        } catch {
            response = error.response
        }
        return DashboardHeaders.secure(response)
    }

    private func answer(_ request: Request, _ connection: HTTPConnection) async throws(DashboardRefusal) -> Response {
        let route: DashboardRoute
        do throws(BackendError) {
            route = try DashboardRoute(request.method, path: request.head.path ?? "")
        } catch {
            if error.code == .invalidArgument { tellRefused(request, .target, error.code, error.message, connection) }
            throw DashboardRefusal(error)
        }
        if case .asset(let name) = route {
            guard let response = assets.response(name, to: request) else { throw .notFound }
            return response
        }
        if route.changesSomething {
            do throws(DashboardRefusal) {
                try DashboardHeaders.checkOrigin(request, allowing: broker.configuration().http.allowedOrigins)
            } catch {
                tellRefused(request, .origin, .permissionDenied, "its Origin may not", connection)
                throw error
            }
        }
        if case .logIn = route { return try await logIn(request, connection) }
        guard let session = session(of: request) else { throw broker.isDraining() ? .draining : .noSession }
        if route.changesSomething {
            do throws(DashboardRefusal) {
                try DashboardHeaders.checkForgery(request, session.secret)
            } catch {
                tellRefused(request, .forgery, .permissionDenied, "without the session's X-CSRF-Token", connection)
                throw error
            }
        }
        do throws(BackendError) {
            return try await answer(route, request, session, connection)
        } catch {
            throw DashboardRefusal(error)
        }
    }

    private func session(of request: Request) -> DashboardSessions.Session? {
        DashboardHeaders.session(request).flatMap { sessions.session($0) }
    }

    /// Has recorded what was refused here, of whoever is logged in. What the broker refuses it records itself.
    private func tellRefused(
        _ request: Request,
        _ kind: FrontRefusal.Kind,
        _ code: BackendError.Code,
        _ why: String,
        _ connection: HTTPConnection
    ) {
        let principal = session(of: request)?.feed.principal
        broker.auditRefusal(request.refusal("dashboard", kind, code, why), principal, connection.remoteAddress)
    }

    private func answer(
        _ route: DashboardRoute,
        _ request: Request,
        _ session: DashboardSessions.Session,
        _ connection: HTTPConnection
    ) async throws(BackendError) -> Response {
        let client = session.feed.connection
        switch route {
        case .asset, .logIn: throw BackendError(.internal, message: "the request needs no session")
        case .session: return Response(json: description(of: session))
        case .logOut:
            sessions.end(session, "logged out")
            let cookie = DashboardHeaders.noCookie(request, isSecure: isSecure)
            return Response(status: .noContent, headers: [.setCookie: cookie])
        case .events: return try events(session, connection)
        case .audit: return try await audit(request, client)
        case .output(let command):
            try check(command, request, session, connection)
            return try await output(of: command.number, in: command.org, request, session, connection)
        case .kill(let command):
            try check(command, request, session, connection)
            try await client.killCommand(command.number, in: command.org)
            return Response(status: .noContent)
        case .destroy(let org, let key):
            try await client.destroyEntry(key, try backend(request), in: org)
            return Response(status: .noContent)
        case .drain:
            // The broker says no more before it has ended: whether it may be asked is known already.
            guard client.broker.isOperator, !client.broker.isReadOnly else {
                tellRefused(request, .drain, .permissionDenied, "its token may not", connection)
                throw Self.noOperator
            }
            feeds.drain(session.feed)
            return Response(status: .accepted)
        }
    }

    /// That a command is of the key that the address names. Whether there is one at all, or one that the token may know
    /// of, the wire says, in the same words.
    private func check(
        _ command: DashboardRoute.Command,
        _ request: Request,
        _ session: DashboardSessions.Session,
        _ connection: HTTPConnection
    ) throws(BackendError) {
        let key = broker.commandKey(command.number, command.org, session.feed.principal)
        guard let key, key != command.key else { return }
        let error = BackendError.noCommand(command.number)
        tellRefused(request, .command, error.code, "a command of another key", connection)
        throw error
    }

    private func backend(_ request: Request) throws(BackendError) -> BackendType {
        switch request.uri.queryParameters["backend"] {
        case nil, "local": return .localFilesystem
        case "memory": return .memory
        default: throw BackendError(.invalidArgument, message: "backend is local or memory")
        }
    }

    // MARK: Sessions

    private func logIn(_ request: Request, _ connection: HTTPConnection) async throws(DashboardRefusal) -> Response {
        guard !broker.isDraining() else { throw .draining }
        return try await bodies.withBody(
            of: request,
            upTo: Self.maximumBody,
            broker.configuration().http.bodyTimeout,
            refusal: DashboardRefusal.init
        ) { body throws(DashboardRefusal) in
            let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
            guard type == "application/json", let json = try? JSONParser.parse(body), let token = json["token"]?.text,
                !token.isEmpty
            else { throw .malformed }
            do throws(BackendError) {
                let (name, session) = try await beginSession(token, connection)
                let cookie = DashboardHeaders.cookie(name, request, isSecure: isSecure)
                return Response(json: description(of: session), headers: [.setCookie: cookie])
            } catch {
                throw DashboardRefusal(error)
            }
        }
    }

    /// One whose feed goes on: it may come to its end while it is handed out, as where its token is replaced.
    private func beginSession(
        _ token: String,
        _ connection: HTTPConnection
    ) async throws(BackendError) -> (name: String, session: DashboardSessions.Session) {
        while true {
            let feed = try await feeds.feed(token, for: connection.remoteAddress)
            let (name, session) = try sessions.begin(feed)
            guard feed.isOver else { return (name, session) }
            // The next one is made with the token as it is now, or refused.
            sessions.end(session, feed.reason)
        }
    }

    private func description(of session: DashboardSessions.Session) -> JSONValue {
        let broker = session.feed.connection.broker
        return [
            "org": .string(broker.org),
            "operator": .bool(broker.isOperator),
            "read_only": .bool(broker.isReadOnly),
            "csrf": .string(session.secret),
            "version": .string(broker.serverVersion),
            "node": .string(broker.node),
        ]
    }

    private var isSecure: Bool { broker.protect != nil }

    private static let noOperator = BackendError(
        .permissionDenied,
        reason: .denied,
        message: "the broker is drained by an operator: log in with the token of one that is not read-only"
    )
}
