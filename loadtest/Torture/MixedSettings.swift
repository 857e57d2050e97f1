/// What a mixed run is made of.
struct MixedSettings {
    /// Verified calls of the main part, at the least.
    var calls = 1_000_000
    /// Verified calls before that, after which everything has been there once.
    var warmup = 250_000
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

    /// What is told of the broker: that it lets all agents be, destroys idle entries while they work, and makes nobody
    /// wait long for having shown a wrong token.
    static func configure(_ configuration: inout BrokerConfiguration) {
        configuration.exec = .init(grace: "200ms")
        configuration.limits = .init(queue_timeout: "10m", auth_failure_delay: "1ms", max_auth_failure_delay: "5ms")
        configuration.pool = .init(idle_timeout: "1s", cleanup_interval: "200ms")
    }
}

/// SplitMix64: a sequence of numbers that its seed determines.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
