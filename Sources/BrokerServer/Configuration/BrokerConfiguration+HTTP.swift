package import BrokerWire

extension BrokerConfiguration {
    /// The side port, which speaks HTTP; TLS where there is a certificate in ``TLS``.
    package struct HTTP: Sendable, Hashable {
        /// Where to accept. Empty: nowhere.
        package var listen: [TCPAddress] = []
        /// Pages of these origins may call, besides those of this host, such as `https://agents.example.com`.
        package var allowedOrigins: [String] = []
        package var maxConnections = 4096
        /// Longest body of a request.
        package var maxBodyBytes = 8 << 20
        /// Of all bodies that are being received or worked on.
        package var maxBodyBytesInFlight = 256 << 20
        /// Time for a body to arrive.
        package var bodyTimeout: Duration = .seconds(60)
        /// Time without a request after which a connection is closed.
        package var idleTimeout: Duration = .seconds(60)
        /// Time for a client that does not read what it asked for, before its connection is closed.
        package var writeTimeout: Duration = .seconds(30)
        /// Sessions of MCP, of all tokens and of one.
        package var maxSessions = 10_000
        package var maxSessionsPerToken = 2000
        /// Time without a request after which a session is forgotten.
        package var sessionIdleTimeout: Duration = .seconds(1800)
        /// Logins to the dashboard at one time. `sessionIdleTimeout` ends them, too.
        package var maxDashboardSessions = 200
        /// Answers of the dashboard that go on at one time: pages that are told what goes on, outputs that are read.
        package var maxEventStreams = 200
        /// Tokens that have a connection to the broker at one time.
        package var maxTokens = 1000
        /// Text in one answer of a tool, about; what is longer is cut, and says how to read on.
        package var maxResultBytes = 256 << 10
        /// Longest file that an answer holds as a whole, for it is no text.
        package var maxMediaBytes = 4 << 20
        /// Commands that were started to go on by themselves, of all and of one key and scope; those that ended and are
        /// remembered included.
        package var maxCommands = 1024
        package var maxCommandsPerKey = 64
        /// Last bytes of each stream of one of them that are kept.
        package var commandOutputBytes = 1 << 20
        /// Of a token that is good for `/metrics` and nothing else. Nil: there is none, and operators' tokens are.
        package var metricsTokenHash: TokenHash?
        /// Whoever comes from the loopback may read `/metrics` without a token.
        package var metricsOnLoopback = false
        /// Orgs that have series of their own in `/metrics`, those that the broker knew first; the others have some together.
        package var metricsMaxOrgs = 100
    }
}
