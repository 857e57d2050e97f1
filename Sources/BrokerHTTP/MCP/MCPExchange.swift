internal import AgentBackend
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// One message of a client, and the answer to it.
struct MCPExchange: Sendable {
    let endpoint: MCPEndpoint
    let request: Request
    let caller: MCPEndpoint.Caller
    let link: BrokerLinks.Use
    let connection: HTTPConnection

    /// Of a client that says everything in each request, and calls one off by going away.
    func stateless(_ message: RPCMessage, _ version: ProtocolVersion) async throws(MCPRefusal) -> Response {
        switch message {
        case .notification:
            // The protocol has none of a client's here; some send them all the same.
            return Response(status: .accepted)
        case .response:
            throw MCPRefusal(RPCResponse(id: nil, .failure(RPCError(.invalidRequest, "nothing was asked of you"))))
        case .request(let call):
            do throws(RPCError) {
                try MCPHeaders.check(request, call)
                try ToolServer.check(call)
            } catch {
                throw MCPRefusal(RPCResponse(id: call.id, .failure(error)))
            }
            return try await answer(call, version, calledOffBy: connection.closed)
        }
    }

    /// Of a client that shook hands, or does.
    func inSession(_ message: RPCMessage) async throws(MCPRefusal) -> Response {
        if case .request(let call) = message, call.method == "initialize" { return try await initialize(call) }
        let session = try endpoint.session(request, caller, link)
        switch message {
        case .response:
            return Response(status: .accepted)
        case .notification(let notification):
            if let cancelled = notification.cancelledRequest { endpoint.sessions.cancel(cancelled, of: session) }
            return Response(status: .accepted)
        case .request(let call):
            guard let ongoing = endpoint.sessions.begin(call.id, of: session) else {
                let error = RPCError(.invalidRequest, "another request of this id is being answered: take a new one")
                throw MCPRefusal(RPCResponse(id: call.id, .failure(error)))
            }
            // A client that goes away has called off nothing: it may come back, and what it started goes on.
            return try await answer(call, session.version, calledOffBy: ongoing.calledOff, keeping: ongoing)
        }
    }

    private func initialize(_ call: RPCRequest) async throws(MCPRefusal) -> Response {
        let version = ToolServer.version(initializing: call)
        let response = await endpoint.server.answer(call, version, in: endpoint.context(caller, link))
        guard case .success = response.outcome else { throw MCPRefusal(response) }
        do throws(BackendError) {
            let session = try endpoint.sessions.begin(link.token, caller.target, version)
            return Response(json: response.json, headers: [.mcpSessionID: session.id])
        } catch {
            throw MCPRefusal(error)
        }
    }

    // MARK: Answers

    /// As one JSON value, or, where it may take its time and the client takes them, as events. `ongoing`: kept until it is
    /// answered.
    private func answer(
        _ call: RPCRequest,
        _ version: ProtocolVersion,
        calledOffBy calledOff: Occurrence,
        keeping ongoing: MCPSessions.Ongoing? = nil
    ) async throws(MCPRefusal) -> Response {
        let mailbox = AnswerMailbox()
        let takesEvents = MCPHeaders.accepts(request, "text/event-stream")
        guard takesEvents, call.progressToken != nil || ToolServer.mayBeLong(call) else {
            async let work: Void = perform(call, version, calledOff, mailbox, keeping: ongoing)
            guard let response = await mailbox.answer() else { throw .calledOff }
            _ = await work
            return Response(rpc: response, version)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-cache, no-transform", .xAccelBuffering: "no",
            ],
            body: ResponseBody { writer in
                async let work: Void = perform(call, version, calledOff, mailbox, keeping: ongoing)
                try await EventStream.write(mailbox, of: call, to: &writer)
                _ = await work
            }
        )
    }

    /// Between two words that keep a stream open.
    private static let pingInterval = Duration.seconds(15)

    /// Keeps the connection to the broker, and the request's place in its session, until nothing of it goes on.
    private func perform(
        _ call: RPCRequest,
        _ version: ProtocolVersion,
        _ calledOff: Occurrence,
        _ mailbox: AnswerMailbox,
        keeping ongoing: MCPSessions.Ongoing?
    ) async {
        defer { withExtendedLifetime((link, ongoing)) {} }
        await endpoint.server.perform(
            call,
            version,
            in: endpoint.context(caller, link),
            calledOff: calledOff,
            telling: mailbox,
            pingInterval: Self.pingInterval
        )
    }
}
