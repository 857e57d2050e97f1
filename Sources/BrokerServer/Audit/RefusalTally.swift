internal import AgentBackend

/// How often each who is refused was refused lately, so that a flood of it neither fills a disk nor hides what else is
/// recorded. A value of bounded size, without a clock: `now` is the time since any one moment.
///
/// Of the refusals of one source within ``interval`` the first is recorded, and those that make it twice as many: n of
/// them leave no more than 1 + log2(n) records, the last of which tells at least half of them.
struct RefusalTally {
    /// Who is refused, and what.
    struct Source: Hashable {
        /// The org in whose log it is recorded, or the broker's own.
        let log: String
        /// Empty: the token is not known.
        let tokenID: String
        /// Nil: a unix socket.
        let address: IPAddress?
        let operation: String
    }

    static let interval = Duration.seconds(60)
    /// Within an interval. Those beyond are counted together, by log.
    static let maximumSources = 1000

    private var counts: [Source: UInt64] = [:]
    private var others: [String: UInt64] = [:]
    private var began = Duration.zero

    /// How often it was, within the interval; nil: that is not to be recorded.
    mutating func refused(_ source: Source, at now: Duration) -> UInt64? {
        if now - began >= Self.interval {
            (counts, others) = ([:], [:])
            began = now
        }
        let count: UInt64
        if counts[source] != nil || counts.count < Self.maximumSources {
            count = counts[source, default: 0] + 1
            counts[source] = count
        } else {
            count = others[source.log, default: 0] + 1
            others[source.log] = count
        }
        return count.nonzeroBitCount == 1 ? count : nil
    }
}
