internal import AgentBackend
internal import BrokerClient
internal import BrokerServer

/// What a token sees of a broker at one moment. A value.
struct Overview: Sendable {
    /// Of a list that may be cut.
    struct Part<Element: Sendable>: Sendable {
        private(set) var elements: [Element] = []
        private(set) var isTruncated = false

        fileprivate init(_ pages: BrokerPages<Element>, upTo maximum: Int) async throws(BackendError) {
            for try await element in pages {
                guard elements.count < maximum else {
                    isTruncated = true
                    break
                }
                elements.append(element)
            }
        }
    }

    let time = systemWallClock() / 1_000_000
    let isDraining: Bool
    let identity: BrokerIdentity
    let uptime: Duration
    let orgs: Part<BrokerPool>
    let entries: Part<BrokerEntryInfo>
    let commands: Part<BrokerCommandInfo>
    /// By org: of the calls since the overview before. Empty: that is not known.
    var latencies: [String: LatencyHistogram] = [:]
    /// Why no operations are told of; nil: they are.
    var unfollowed: String?

    private static let maximumOrgs = 1000
    private static let maximumEntries = 500
    private static let maximumCommands = 200

    /// Asks the broker. Throws what the calls throw.
    init(of connection: BrokerConnection, isDraining: Bool) async throws(BackendError) {
        self.isDraining = isDraining
        identity = connection.broker
        uptime = try await connection.stats().uptime
        orgs = try await Part(connection.pools(), upTo: Self.maximumOrgs)
        entries = try await Part(connection.entries(), upTo: Self.maximumEntries)
        commands = try await Part(connection.commands(), upTo: Self.maximumCommands)
    }
}
