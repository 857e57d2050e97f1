package import AgentBackend

/// Limits and times of a pool. A value; every limit is finite.
package struct PoolConfiguration: Sendable, Hashable {
    /// Entries in all: being created, live, or being destroyed.
    package var maxEntries = 100_000
    /// Entries of one org, counted alike.
    package var maxEntriesPerOrg = 10_000
    /// Leases that one entry may have at a time.
    package var maxLeasesPerEntry = 10_000
    /// Acquires of one org that may wait at a time, for whatever reason.
    package var maxWaitersPerOrg = 10_000
    /// Entries that are destroyed at the same time; the others wait for their turn.
    package var maxConcurrentDestructions = 64
    /// Entries that an org is granted in its turn while several orgs wait for room. 1 for an org not named.
    package var orgWeights: [OrgID: Int] = [:]

    /// How long an entry may be without a lease.
    package var idleTimeout: Duration = .seconds(300)
    /// How often idle entries are looked for: one is destroyed at most this much later than it might be.
    package var cleanupInterval: Duration = .seconds(60)
    /// How old an entry may become before it is replaced; leases that it has then keep it. nil: no limit.
    /// A change is for entries made from then on.
    package var maxLifetime: Duration?
    /// The part of ``maxLifetime``, 0 to 1, that is taken off by chance, so that entries made together do not
    /// end together.
    package var lifetimeJitter = 0.1
    /// How long an acquire waits that names no deadline of its own.
    package var defaultQueueDeadline: Duration = .seconds(10)
    /// How long a key rests after its creation failed.
    package var creationBackoff = Backoff()

    package init() {}

    /// A delay that doubles with every failure in a row.
    package struct Backoff: Sendable, Hashable {
        /// After the first failure.
        package var initial: Duration = .milliseconds(100)
        /// After many. A failure is forgotten when its delay has been over for this long.
        package var maximum: Duration = .seconds(10)
        /// The part of a delay, 0 to 1, that is taken off by chance.
        package var jitter = 0.2

        package init() {}
    }

    /// Throws `INVALID_CONFIGURATION`, naming the first field that makes no sense.
    package func validate() throws(BackendError) {
        let counts = [
            ("maxEntries", maxEntries), ("maxEntriesPerOrg", maxEntriesPerOrg),
            ("maxLeasesPerEntry", maxLeasesPerEntry), ("maxWaitersPerOrg", maxWaitersPerOrg),
            ("maxConcurrentDestructions", maxConcurrentDestructions),
            ("orgWeights", orgWeights.values.min() ?? 1),
        ]
        for (name, count) in counts where count < 1 || count > Self.largestCount {
            throw Self.invalid(name, "use 1 to \(Self.largestCount)")
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

    /// Slots are numbered with 31 bits.
    private static let largestCount = Int(Int32.max) - 1
    private static let shortest: Duration = .milliseconds(1)
    private static let longest: Duration = .seconds(1000 * 86_400)

    private static func invalid(_ field: String, _ advice: String) -> BackendError {
        BackendError(.invalidConfiguration, message: "pool: \(field) makes no sense: \(advice)")
    }
}
