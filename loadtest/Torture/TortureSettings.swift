/// What a run is made of.
struct TortureSettings {
    /// Verified calls of the main part, at the least.
    var calls: Int
    /// Verified calls before that, after which everything has been there once.
    var warmup: Int
    var orgs = 8
    /// Each has a connection and makes one call, or one burst, after the other.
    var agents = 64
    /// Chooses what the agents do: the same number, the same choices.
    var seed: UInt64 = 1

    /// Without an answer to any call for so long the run has failed.
    static let patience = Duration.seconds(120)

    func validate() throws(LoadFailure) {
        guard (1...64).contains(orgs), (1...4096).contains(agents) else {
            throw .settings("orgs: 1 to 64; agents: 1 to 4096")
        }
        guard calls >= 1, warmup >= 1 else { throw .settings("calls and warm-up: at least 1") }
    }

    /// What is told of the broker: that it lets all agents be, destroys idle entries while they work, remembers as few
    /// commands that ended as it does early on, and makes nobody wait long for having shown a wrong token.
    static func configure(_ configuration: inout BrokerConfiguration) {
        configuration.exec = .init(grace: "200ms", max_ended_background: 4)
        configuration.limits = .init(queue_timeout: "10m", auth_failure_delay: "1ms", max_auth_failure_delay: "5ms")
        configuration.pool = .init(idle_timeout: "1s", cleanup_interval: "200ms")
    }
}
