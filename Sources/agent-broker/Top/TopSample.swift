import AgentBackend
import BrokerClient

/// What goes on at a broker, as a token sees it, at one moment.
struct TopSample: Sendable {
    var broker: BrokerIdentity
    var uptime: Duration
    /// Since some moment: for differences.
    var time: Duration
    var orgs: [BrokerPool] = []
    var entries: [BrokerEntryInfo] = []
    var commands: [BrokerCommandInfo] = []

    /// Of each list: what a screen shows is less.
    private static let maximum = 1000

    init(broker: BrokerIdentity, uptime: Duration, time: Duration) {
        self.broker = broker
        self.uptime = uptime
        self.time = time
    }

    /// Asks a broker, for one org or, nil, all that the token sees.
    init(of connection: BrokerConnection, org: String?, time: Duration) async throws(BackendError) {
        self.init(
            broker: connection.broker,
            uptime: try await connection.stats(of: org).uptime,
            time: time
        )
        for try await share in connection.pools() where org == nil || share.org == org {
            guard orgs.count < Self.maximum else { break }
            orgs.append(share)
        }
        for try await entry in connection.entries(of: org) {
            guard entries.count < Self.maximum else { break }
            entries.append(entry)
        }
        for try await command in connection.commands(of: org) {
            guard commands.count < Self.maximum else { break }
            commands.append(command)
        }
    }
}
