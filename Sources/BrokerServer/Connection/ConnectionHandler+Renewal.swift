internal import AgentBackend
internal import AuditLog
internal import BrokerWire
internal import NIOCore

/// What a reload means for a connection, and what operators see of it.
extension ConnectionHandler {
    /// Another configuration counts from now on. False: it does not have the connection's token any more, and the
    /// connection ends.
    func renew(by tokens: TokenDirectory, maximumCallsInFlight: Int) -> Bool {
        guard let session, !machine.isClosed else { return true }
        machine.maximumCallsInFlight = maximumCallsInFlight
        guard let principal = tokens.renewed(session.principal) else {
            fail(Self.tokenRemoved)
            return false
        }
        handler.sessionRenewed(session, principal)
        return true
    }

    private static let tokenRemoved = BackendError(
        .authFailed,
        message: "the token was removed from the broker's configuration or has another role there, which ends the "
            + "connection: connect again, or ask the operator of this broker for another token"
    )

    /// Nil: it has not said hello, or is over.
    func describe() -> ConnectionDescription? {
        guard let session, !hasEnded else { return nil }
        let principal = session.principal
        var description = ConnectionDescription()
        description.org = principal.org.name
        description.tokenID = principal.tokenID
        description.tokenName = principal.tokenName
        description.clientName = clientName
        description.peer = peerAddress
        description.age = acceptTime.duration(to: .now)
        description.callsInFlight = UInt32(clamping: machine.callsInFlight)
        let inLanes = calls.values.count { !$0.isRunning }
        description.callsWaiting = UInt32(clamping: inLanes + session.acquiring + creditWaiters.count)
        description.bytesIn = bytesIn
        description.bytesOut = bytesOut
        return description
    }

    /// Who calls by this connection, for the audit log.
    func auditCaller(_ principal: Principal, _ hello: Hello) -> AuditCaller {
        AuditCaller(
            tokenID: principal.tokenID,
            tokenName: principal.tokenName,
            connection: entry.number,
            peer: (client ?? context?.remoteAddress)?.hostAndPort ?? "unix",
            client: hello.clientName
        )
    }

    private var peerAddress: String { context?.remoteAddress?.hostAndPort ?? "unix" }
}

extension SocketAddress {
    /// HOST:PORT. Nil: of a unix socket.
    var hostAndPort: String? {
        guard let host = ipAddress, let port else { return nil }
        return self.protocol == .inet6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
