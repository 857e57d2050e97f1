/// What ``AdmissionStateMachine`` allows.
struct AdmissionLimits: Sendable {
    /// Connections in all.
    var maximumConnections: Int
    /// Connections of one address that have not shown a valid token yet.
    var maximumUnauthenticated: Int
    /// New connections of one address.
    var arrivals: TokenBucket.Rate
    /// Addresses without such a connection that are remembered all the same.
    var maximumAddresses: Int
    /// How long the answer to a wrong token is held back when it is the first of its address.
    var authFailureDelay: Duration
    /// How long at most, however many came before.
    var maximumAuthFailureDelay: Duration
    /// Addresses that the limits of one address do not hold for.
    var exempt: [AddressRange]

    /// With the descriptors that this process may have.
    static func ofProcess(_ configuration: BrokerConfiguration) -> AdmissionLimits {
        AdmissionLimits(configuration, descriptors: ProcessSettings.descriptorLimit)
    }

    /// - Parameter descriptors: That this process may have. Connections leave some of them for the files and commands of
    ///   calls: those must not fail because others are connected.
    init(_ configuration: BrokerConfiguration, descriptors: Int = .max) {
        let limits = configuration.limits
        let others = limits.maxOpenDirectories + Self.descriptorsPerCommand * configuration.exec.maxRunning + 256
        maximumConnections = max(1, min(limits.maxConnections, descriptors - min(others, descriptors / 2)))
        maximumUnauthenticated = limits.maxUnauthenticatedPerAddress
        arrivals = TokenBucket.Rate(
            perSecond: limits.maxNewConnectionsPerSecondPerAddress,
            capacity: limits.maxNewConnectionsBurstPerAddress
        )
        maximumAddresses = limits.maxTrackedAddresses
        authFailureDelay = limits.authFailureDelay
        maximumAuthFailureDelay = limits.maxAuthFailureDelay
        exempt = limits.exemptAddresses
    }

    /// Three pipes, and what watches the process.
    private static let descriptorsPerCommand = 4
}
