package import AgentBackend
package import BrokerWire
package import NIOCore

/// What all connections of a broker share.
package struct ConnectionSettings: Sendable {
    package var limits: SessionLimits
    /// Time that a new connection has to say hello.
    package var helloDeadline: Duration
    /// Pings that may be unanswered before the connection counts as dead.
    package var keepaliveMisses: Int
    /// Bytes that wait to be written to a peer before payloads for it are held back.
    package var maximumUnsent: Int
    /// Nanoseconds that an event loop may ask for a request that is likely to come at once; see ``BusyPoll``.
    package var busyPoll: UInt64
    package var serverVersion: String
    package var node: String
    /// Of this run of the broker.
    package var instance: UInt64
    /// Who a token speaks for. Called on event loops.
    package var authenticate: @Sendable (_ token: String) -> Result<Principal, BackendError>
    package var observer: any ConnectionObserver
    /// Which calls may begin. Has to know the org of every principal.
    package var admission: CallAdmission

    package init(
        limits: SessionLimits,
        helloDeadline: Duration,
        keepaliveMisses: Int,
        maximumUnsent: Int,
        busyPoll: Duration = .zero,
        serverVersion: String,
        node: String,
        instance: UInt64 = 0,
        authenticate: @escaping @Sendable (_ token: String) -> Result<Principal, BackendError>,
        observer: any ConnectionObserver,
        admission: CallAdmission
    ) {
        self.limits = limits
        self.helloDeadline = helloDeadline
        self.keepaliveMisses = keepaliveMisses
        self.maximumUnsent = maximumUnsent
        self.busyPoll = UInt64(clamping: busyPoll.inNanoseconds)
        self.serverVersion = serverVersion
        self.node = node
        self.instance = instance
        self.authenticate = authenticate
        self.observer = observer
        self.admission = admission
    }
}

extension ConnectionSettings {
    /// Payload bytes that one frame of an answer carries at most. Its other fields need far less than the rest.
    var largestAnswer: Int { min(Int(limits.streamWindow), max(1, Int(limits.maximumFrameLength) - (4 << 10))) }

    /// Payload bytes that a frame carries at most where more follow: a large answer lets others in between.
    var largestPiece: Int { min(256 << 10, largestAnswer) }
}

/// Hears of what happens to connections. Called on event loops: must not block.
package protocol ConnectionObserver: Sendable {
    func connectionAccepted()
    /// Returns where the connection counts its calls.
    func connectionAuthenticated(_ principal: Principal, clientName: String) -> OrgCounters
    /// A client showed a token that is not known.
    func authenticationFailed(_ failure: AuthenticationFailure, of stranger: Stranger)
    /// A connection was closed without being served: a limit was reached. `inAll`: so many times since the start.
    func connectionRefused(_ error: BackendError, peer: String, inAll: UInt64)
    /// A client was refused, or broke the protocol.
    func connectionFailed(_ error: BackendError, peer: String)
    /// TLS could not be agreed on.
    func handshakeFailed(_ error: BackendError, peer: String)
    /// `principal` nil: it never got as far as a valid token.
    func connectionEnded(_ principal: Principal?)
}

/// Who showed a token that is not known.
package struct Stranger: Sendable {
    /// As the token claims it, which is no secret; empty: it has not the form of one.
    package let tokenID: String
    /// As the client calls itself.
    package let clientName: String
    /// As ``ConnectionDescription/number``.
    package let connection: UInt64
    /// Nil: it came by the unix socket.
    package let address: SocketAddress?
}
