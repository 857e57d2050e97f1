public import AgentBackend

/// Limits and times of a pool. A value; every limit is finite.
public struct PoolConfiguration: Sendable, Hashable {
    /// Entries in all: being created, live, or being destroyed.
    public var maxEntries = 100_000
    /// Entries of one org, counted alike.
    public var maxEntriesPerOrg = 10_000
    /// Leases that one entry may have at a time.
    public var maxLeasesPerEntry = 10_000
    /// Acquires of one org that may wait at a time, for whatever reason.
    public var maxWaitersPerOrg = 10_000
    /// Where an org's limits differ from those of all.
    public var orgs: [OrgID: OrgLimits] = [:]
    /// Entries that are destroyed at the same time; the others wait for their turn.
    public var maxConcurrentDestructions = 64

    /// How long an entry may be without a lease, unless it says otherwise itself.
    public var idleTimeout: Duration = .seconds(300)
    /// How often idle entries are looked for: one is destroyed at most this much later than it might be.
    public var cleanupInterval: Duration = .seconds(60)
    /// How old an entry may become before it is replaced; leases that it has then keep it. nil: no limit.
    /// A change is for entries made from then on.
    public var maxLifetime: Duration?
    /// The part of ``maxLifetime``, 0 to 1, that is taken off by chance, so that entries made together do not
    /// end together.
    public var lifetimeJitter = 0.1
    /// How long an acquire waits that names no deadline of its own.
    public var defaultQueueDeadline: Duration = .seconds(10)
    /// How long a key rests after its creation failed.
    public var creationBackoff = Backoff()

    public init() {}

    /// What one org may use. nil: as all orgs.
    public struct OrgLimits: Sendable, Hashable {
        /// 0: none, and every acquire is refused.
        public var maxEntries: Int?
        public var maxLeasesPerEntry: Int?
        public var maxWaiters: Int?
        /// Entries that the org is granted in its turn while several orgs wait for room.
        public var weight: Int

        public init(
            maxEntries: Int? = nil,
            maxLeasesPerEntry: Int? = nil,
            maxWaiters: Int? = nil,
            weight: Int = 1
        ) {
            self.maxEntries = maxEntries
            self.maxLeasesPerEntry = maxLeasesPerEntry
            self.maxWaiters = maxWaiters
            self.weight = weight
        }
    }

    /// A delay that doubles with every failure in a row.
    public struct Backoff: Sendable, Hashable {
        /// After the first failure.
        public var initial: Duration = .milliseconds(100)
        /// After many. A failure is forgotten when its delay has been over for this long.
        public var maximum: Duration = .seconds(10)
        /// The part of a delay, 0 to 1, that is taken off by chance.
        public var jitter = 0.2

        public init() {}
    }
}

extension PoolConfiguration {
    /// Throws `INVALID_CONFIGURATION`, naming the first field that makes no sense.
    public func validate() throws(BackendError) {
        let counts = [
            ("maxEntries", maxEntries), ("maxEntriesPerOrg", maxEntriesPerOrg),
            ("maxLeasesPerEntry", maxLeasesPerEntry), ("maxWaitersPerOrg", maxWaitersPerOrg),
            ("maxConcurrentDestructions", maxConcurrentDestructions),
        ]
        for (name, count) in counts {
            try Self.check(count, name)
        }
        for (org, limits) in orgs {
            try limits.validate(named: "orgs[\(org)]")
        }
        let durations = [
            ("idleTimeout", idleTimeout), ("cleanupInterval", cleanupInterval),
            ("maxLifetime", maxLifetime ?? Self.shortest), ("defaultQueueDeadline", defaultQueueDeadline),
            ("creationBackoff.initial", creationBackoff.initial),
            ("creationBackoff.maximum", creationBackoff.maximum),
        ]
        for (name, duration) in durations where duration < Self.shortest || duration > Self.longest {
            throw Self.invalid(name, "use 1 ms to 1000 days")
        }
        let fractions = [("lifetimeJitter", lifetimeJitter), ("creationBackoff.jitter", creationBackoff.jitter)]
        for (name, fraction) in fractions where !(0...1).contains(fraction) {
            throw Self.invalid(name, "use 0 to 1")
        }
    }

    fileprivate static func check(_ count: Int, from least: Int = 1, _ field: String) throws(BackendError) {
        guard count >= least, count <= largestCount else {
            throw invalid(field, "use \(least) to \(largestCount)")
        }
    }

    /// Slots are numbered with 31 bits.
    private static let largestCount = Int(Int32.max) - 1
    static let shortest: Duration = .milliseconds(1)
    static let longest: Duration = .seconds(1000 * 86_400)

    private static func invalid(_ field: String, _ advice: String) -> BackendError {
        BackendError(.invalidConfiguration, message: "pool: \(field) makes no sense: \(advice)")
    }
}

extension PoolConfiguration.OrgLimits {
    func validate(named name: String) throws(BackendError) {
        try PoolConfiguration.check(maxEntries ?? 0, from: 0, "\(name).maxEntries")
        try PoolConfiguration.check(maxLeasesPerEntry ?? 1, "\(name).maxLeasesPerEntry")
        try PoolConfiguration.check(maxWaiters ?? 1, "\(name).maxWaiters")
        try PoolConfiguration.check(weight, "\(name).weight")
    }
}
