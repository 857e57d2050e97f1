internal import AgentBackend

/// How often each who is refused was refused lately, so that a flood of it neither fills a disk nor hides what else is
/// recorded. A value of bounded size, without a clock: `now` is the time since any one moment.
///
/// Of the refusals of one source within ``interval`` the first is recorded, and those that make it twice as many: n of
/// them leave no more than 1 + log2(n) records, the last of which tells at least half of them.
struct RefusalTally {
    /// Who is refused, and what: other attempts are not lost among these.
    struct Source: Hashable {
        /// Empty: the token is not known.
        let tokenID: String
        /// Nil: a unix socket.
        let address: IPAddress?
        let operation: String
        let kind: FrontRefusal.Kind
        let code: BackendError.Code
        /// As the caller wrote it: one may have any number of them.
        let key: String
    }

    struct Count: Hashable {
        let number: UInt64
        /// Else of all those of its token that are counted together.
        let isOfOneSource: Bool
    }

    static let interval = Duration.seconds(60)
    /// Of one log, within an interval. Those beyond are counted together, by token.
    static let maximumSources = 1000

    private var logs: [String: Log] = [:]
    private var began = Duration.zero

    /// How often it was, within the interval; nil: that is not to be recorded.
    ///
    /// - Parameter log: The org in whose log it is recorded, or the broker's own. What goes into one takes no room of
    ///   another.
    mutating func refused(_ source: Source, in log: String, at now: Duration) -> Count? {
        if now - began >= Self.interval {
            logs = [:]
            began = now
        }
        let count = logs[log, default: Log()].count(source)
        return count.number.nonzeroBitCount == 1 ? count : nil
    }

    private struct Log {
        var counts: [Source: UInt64] = [:]
        /// As many as the org has tokens.
        var others: [String: UInt64] = [:]

        mutating func count(_ source: Source) -> Count {
            guard counts[source] != nil || counts.count < RefusalTally.maximumSources else {
                others[source.tokenID, default: 0] += 1
                return Count(number: others[source.tokenID, default: 0], isOfOneSource: false)
            }
            counts[source, default: 0] += 1
            return Count(number: counts[source, default: 0], isOfOneSource: true)
        }
    }
}
