internal import AgentBackend

/// Who may connect, and who has to go for it.
///
/// Until a connection has shown a valid token it counts for its address, and is the first to go: when there are too many
/// of its address, or too many in all, the oldest of those goes, so that a peer that says hello at once is served
/// however many others are silent. From then on it counts for its org, and what others at its address do does not
/// concern it: orgs behind one translated address cannot lock each other out, by their number or by wrong tokens.
///
/// A value without a clock: `now` is the time since any one moment.
struct AdmissionStateMachine {
    private struct Connection {
        /// Nil: its limits do not hold for this one.
        let address: IPAddress?
        var isAuthenticated = false
    }

    private var limits: AdmissionLimits
    private var connections: [UInt64: Connection] = [:]
    private var unauthenticated = OrderedIDs()
    private var addresses: AddressLedger
    private(set) var counts = Counts()

    /// Since the start.
    struct Counts: Sendable, Hashable {
        var refused: UInt64 = 0
        /// Connections that had to go for a newer one.
        var displaced: UInt64 = 0
        var authFailures: UInt64 = 0
    }

    init(_ limits: AdmissionLimits) {
        self.limits = limits
        addresses = AddressLedger(maximumAbsent: limits.maximumAddresses, arrivals: limits.arrivals)
    }

    /// What counts from now on, but for the number of addresses that are remembered. Nobody has to go for it.
    mutating func update(_ limits: AdmissionLimits) {
        self.limits = limits
        addresses.arrivals = limits.arrivals
    }

    enum ArrivalAction {
        /// `displacing`: end that one, which counts no more.
        case serve(displacing: Displacement?)
        case refuse(BackendError)
    }

    struct Displacement {
        let id: UInt64
        let error: BackendError
    }

    /// A peer has connected. `id` is higher than those before it, but for connections that come at the same moment.
    mutating func arrived(_ id: UInt64, from origin: IPAddress?, at now: Duration) -> ArrivalAction {
        let address = origin.flatMap { origin in
            limits.exempt.contains { $0.contains(origin) } ? nil : origin.subscriber
        }
        var displacement: Displacement?
        if let address {
            let limits = limits
            let (wait, oldest) = addresses.update(address, at: now) { record -> (Duration?, UInt64?) in
                record.bucket.setRate(limits.arrivals, at: now)
                if let wait = record.bucket.take(at: now) { return (wait, nil) }
                let isFull = record.unauthenticated.count >= limits.maximumUnauthenticated
                return (nil, isFull ? record.unauthenticated.first : nil)
            }
            if let wait { return refuse(Self.tooFast(limits.arrivals, retryAfter: wait)) }
            displacement = oldest.map {
                Displacement(id: $0, error: Self.tooManyOfAddress(limits.maximumUnauthenticated))
            }
        }
        if displacement == nil, connections.count >= limits.maximumConnections {
            let error = Self.tooMany(limits.maximumConnections)
            guard let oldest = unauthenticated.first else { return refuse(error) }
            displacement = Displacement(id: oldest, error: error)
        }
        if let displacement {
            left(displacement.id, at: now)
            counts.displaced += 1
        }
        connections[id] = Connection(address: address)
        unauthenticated.insert(id)
        if let address { addresses.update(address, at: now) { $0.unauthenticated.insert(id) } }
        return .serve(displacing: displacement)
    }

    /// It showed a valid token. False: it had to go for another one meanwhile.
    mutating func authenticated(_ id: UInt64, at now: Duration) -> Bool {
        guard let connection = connections[id] else { return false }
        guard !connection.isAuthenticated else { return true }
        connections[id]?.isAuthenticated = true
        unauthenticated.remove(id)
        guard let address = connection.address else { return true }
        addresses.update(address, at: now) { record in
            record.unauthenticated.remove(id)
            record.bucket.giveBack(1)
        }
        return true
    }

    /// It showed a token that is not known. Returns how long the answer is held back: longer each time for peers at one
    /// address, but nobody else there waits for it.
    mutating func authenticationFailed(_ id: UInt64, at now: Duration) -> AuthenticationFailure {
        counts.authFailures += 1
        var failure = AuthenticationFailure(
            delay: limits.authFailureDelay,
            ofAddress: 1,
            inAll: counts.authFailures
        )
        guard let address = connections[id]?.address else { return failure }
        failure.ofAddress = addresses.update(address, at: now) { record in
            record.failures.failed(at: now)
            return record.failures.count(at: now)
        }
        for _ in 1..<failure.ofAddress where failure.delay < limits.maximumAuthFailureDelay { failure.delay *= 2 }
        failure.delay = min(failure.delay, limits.maximumAuthFailureDelay)
        return failure
    }

    /// It is gone. Of one that was refused or displaced: nothing.
    mutating func left(_ id: UInt64, at now: Duration) {
        guard let connection = connections.removeValue(forKey: id), !connection.isAuthenticated else { return }
        unauthenticated.remove(id)
        if let address = connection.address { addresses.update(address, at: now) { $0.unauthenticated.remove(id) } }
    }

    private mutating func refuse(_ error: BackendError) -> ArrivalAction {
        counts.refused += 1
        return .refuse(error)
    }

    private static func tooMany(_ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "the broker has \(allowed) connections, which is all that it serves: try again later",
            isRetryable: true,
            retryAfter: .seconds(1),
            limit: LimitDetails(name: "connections", used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }

    private static func tooManyOfAddress(_ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(allowed) newer connections of this address have not said hello either: send it as soon as you "
                + "are connected, and connect less often",
            isRetryable: true,
            retryAfter: .seconds(1),
            limit: LimitDetails(
                name: "unauthenticated_connections_per_address",
                used: UInt64(allowed),
                allowed: UInt64(allowed)
            )
        )
    }

    private static func tooFast(_ rate: TokenBucket.Rate, retryAfter: Duration) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "this address connects too often without a valid token: keep connections, and see to the token",
            isRetryable: true,
            retryAfter: max(retryAfter, .milliseconds(1)),
            limit: LimitDetails(
                name: "new_connections_burst_per_address",
                used: UInt64(rate.capacity),
                allowed: UInt64(rate.capacity)
            )
        )
    }
}

/// What came of a wrong token.
package struct AuthenticationFailure: Sendable, Hashable {
    /// How long the answer is held back.
    package var delay: Duration
    /// Of its address lately, this one included; 1 where addresses are not told apart.
    package var ofAddress: Int
    /// Since the broker's start.
    package var inAll: UInt64
}
