/// What peers at each address did lately. A value of bounded size: of addresses that nothing is open from, those that
/// were last heard of longest ago are forgotten first.
struct AddressLedger: Sendable {
    struct Record: Sendable {
        var bucket: TokenBucket
        var failures = FailureCount()
        /// Connections that have not shown a valid token, in the order in which they came.
        var unauthenticated = OrderedIDs()

        init(_ arrivals: TokenBucket.Rate, at now: Duration) {
            bucket = TokenBucket(arrivals, at: now)
        }

        /// It says no more than a new one would.
        func isForgettable(at now: Duration) -> Bool {
            bucket.isFull(at: now) && failures.count(at: now) == 0
        }
    }

    /// Addresses that an unauthenticated connection is open from: no more than there are connections.
    private var present: [IPAddress: Record] = [:]
    /// The others, in two generations: when the younger one is full, it takes the place of the older.
    private var recent: [IPAddress: Record] = [:]
    private var older: [IPAddress: Record] = [:]
    private let generation: Int
    /// How often an address may connect that is not known yet.
    var arrivals: TokenBucket.Rate

    init(maximumAbsent: Int, arrivals: TokenBucket.Rate) {
        generation = max(1, maximumAbsent / 2)
        self.arrivals = arrivals
    }

    /// Addresses that are remembered.
    var count: Int { present.count + recent.count + older.count }

    mutating func update<Value>(_ address: IPAddress, at now: Duration, _ body: (inout Record) -> Value) -> Value {
        var record =
            present.removeValue(forKey: address) ?? recent.removeValue(forKey: address)
            ?? older.removeValue(forKey: address) ?? Record(arrivals, at: now)
        let value = body(&record)
        if !record.unauthenticated.isEmpty {
            present[address] = record
        } else if !record.isForgettable(at: now) {
            if recent.count >= generation {
                older = recent
                recent = [:]
            }
            recent[address] = record
        }
        return value
    }
}

/// How often something went wrong lately: each time counts one, every ten seconds without one less.
struct FailureCount: Sendable {
    private var count = 0
    private var changed: Duration = .zero

    private static let forgetting: Duration = .seconds(10)
    private static let most = 1000

    func count(at now: Duration) -> Int {
        let forgotten = (now - changed) / Self.forgetting
        return forgotten >= Double(count) ? 0 : count - Int(forgotten)
    }

    mutating func failed(at now: Duration) {
        count = min(Self.most, count(at: now) + 1)
        changed = now
    }
}
