package import AgentBackend
package import Logging
package import NIOCore
package import ServiceLifecycle

/// Another way in than the wire, such as HTTP.
///
/// It is a client of the broker within its process: whatever it lets somebody do goes over a connection of the wire, with
/// that one's token. So nothing is possible through it that the wire refuses, and every token, limit, queue and log of the
/// wire holds by how it is made; what that costs is one more hop for each call.
package protocol BrokerFront: Sendable {
    /// Listens where the configuration says. Throws `INVALID_CONFIGURATION`.
    func open(_ broker: BrokerAccess) async throws(BackendError) -> any OpenFront
}

/// A front that accepts. It is ended when the wire has drained: what goes through it ends with the calls of the wire.
package protocol OpenFront: Service {
    /// Where it accepts TCP connections.
    var addresses: [ReadyReport.Wire] { get }
}

/// What a front gets of its broker.
package struct BrokerAccess: Sendable {
    /// What counts now.
    package let configuration: @Sendable () -> BrokerConfiguration
    /// Whether the broker ends, and takes nothing new.
    package let isDraining: @Sendable () -> Bool
    /// Who a token speaks for, of a caller whom the wire has let in with it: it makes those wait who guess. Of any other
    /// for the audit log alone, never for the answer. Throws `AUTH_FAILED`.
    package let principal: @Sendable (_ token: String) throws(BackendError) -> Principal
    package let metrics: @Sendable () -> BrokerMetrics
    /// Of one org; nothing is asked of the others.
    package let orgMetrics: @Sendable (Org) -> OrgMetrics
    /// Counts something that a front answers itself as a call of an org, as the wire does those that ask what goes on: it is
    /// not refused, and waits while the org owes for more than its rate. Ended by cancelling.
    package let countCall: @Sendable (Org) async -> Void
    /// The key of a command of an org. Nil: the org has none of this number, or none that this principal is told of.
    /// Whether it may be used the wire says.
    package let commandKey: @Sendable (_ number: UInt64, _ org: String, Principal) -> String?
    /// Makes a connection of the wire and returns the client's end of it, a socket that is the caller's to close. It
    /// counts as one of the address, where there is one: that of whoever it is made for.
    package let connect: @Sendable (SocketAddress?) throws(BackendError) -> CInt
    /// Has a connection that comes now speak TLS as those of the wire do, and tells of a handshake that fails. Nil:
    /// listeners speak no TLS.
    package let protect: (@Sendable (any Channel) throws -> Void)?
    /// Has something recorded that the front refused itself: in the log of the org that it is done by, or, of nobody who
    /// is known, in the broker's own. Does not wait.
    package let auditRefusal: @Sendable (FrontRefusal, Principal?, _ peer: SocketAddress?) -> Void
    /// Tells the operator of a connection that was not taken, as of those of the wire: of so many in a second.
    package let tellRefused: @Sendable (BackendError, _ peer: SocketAddress?, _ inAll: UInt64) -> Void
    package let logger: Logger
}

/// Something that a front refused itself, so that no connection of the wire heard of it. No secret is in it.
package struct FrontRefusal: Sendable {
    /// What was tried. Each is counted by itself, see ``RefusalTally``.
    package enum Kind: Sendable, Hashable {
        /// With a token that is not known.
        case token
        /// By a page of another origin.
        case origin
        /// Without the secret that the session's own page has.
        case forgery
        /// Of a key, scope or command whose name is none.
        case target
        /// In a session that is another's, or none.
        case session
        /// Of a command that is another's, or none.
        case command
        /// By a path that leads out of the workspace.
        case path
        /// To end the broker, by who is no operator.
        case drain
    }

    /// Which part of the front.
    package let operation: String
    package let kind: Kind
    package let key: String
    package let scope: String
    /// What was asked for, and what was wrong with it.
    package let subject: String
    package let code: BackendError.Code

    package init(
        _ operation: String,
        _ kind: Kind,
        key: String = "",
        scope: String = "",
        subject: String,
        code: BackendError.Code
    ) {
        self.operation = operation
        self.kind = kind
        self.key = key
        self.scope = scope
        self.subject = subject
        self.code = code
    }
}
