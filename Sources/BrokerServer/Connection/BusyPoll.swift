/// Decides when an event loop that has answered a peer asks for its next request over and over, rather than sleep until
/// the kernel wakes it.
///
/// To wake an idle processor takes tens of microseconds, on a virtual machine more than all else that a small call
/// takes. To ask instead pays where one peer sends, waits for the answer and sends again at once, unless the processor
/// is busy anyway and wakes at once. So it begins after a row of such requests with nobody's in between, and the row has
/// to be the longer, the more often it was in vain. Other connections of the loop wait meanwhile, no longer than
/// `limit`.
///
/// A value without clock or descriptor. Times are nanoseconds of a monotonic clock, `limit` those that are asked for at
/// most after an answer; 0: never. Compare `net.core.busy_poll` of socket(7), which does this for network cards.
struct BusyPoll {
    private var peer: UInt64?
    private var answerTime: UInt64?
    private var lastAskTime: UInt64 = 0
    /// The last request came while the loop asked for it.
    private var isAwake = false
    /// Requests in a row that came soon after the last answer.
    private var quickRequests = 0
    /// So many have to, before the loop asks.
    private(set) var neededRequests = leastNeeded

    private static let leastNeeded = 8
    private static let mostNeeded = 4096
    /// Nanoseconds from an answer to the next request, within which nobody can have slept for long.
    private static let shortest: UInt64 = 20_000
    /// Nanoseconds that it takes to wake, at the most: a request comes later by them where the loop sleeps.
    private static let longestWakeUp: UInt64 = 100_000
    /// Nanoseconds between two times asked after which it is clear that somebody else had the processor: what waits for
    /// it has better use for it.
    private static let interruption: UInt64 = 30_000

    /// Requests of `peer` arrived.
    mutating func heard(from peer: UInt64, limit: UInt64, at now: @autoclosure () -> UInt64) {
        guard limit > 0 else { return }
        guard self.peer == peer else {
            self.peer = peer
            return breakRow()
        }
        guard let answerTime else { return }
        defer { isAwake = false }
        let isWorthwhile = isAwake || (Self.shortest...limit + Self.longestWakeUp).contains(now() - answerTime)
        quickRequests = isWorthwhile ? quickRequests + 1 : 0
    }

    /// All that was heard of `peer` is answered. True: ask.
    mutating func answered(_ peer: UInt64, limit: UInt64, at now: @autoclosure () -> UInt64) -> Bool {
        guard limit > 0, self.peer == peer else { return false }
        let now = now()
        answerTime = now
        lastAskTime = now
        return isLikely
    }

    /// The row is long enough.
    private var isLikely: Bool { quickRequests >= neededRequests }

    /// Asked, and `isReady` or not. True: ask again.
    mutating func asked(isReady: Bool, limit: UInt64, at now: UInt64) -> Bool {
        // Somebody else was heard of since it was decided to ask.
        guard isLikely, let answerTime else { return false }
        defer { lastAskTime = now }
        let isInterrupted = now - lastAskTime >= Self.interruption
        if isReady, !isInterrupted {
            isAwake = true
            neededRequests = max(Self.leastNeeded, neededRequests / 2)
            return false
        }
        guard !isInterrupted, now - answerTime < limit else {
            neededRequests = min(Self.mostNeeded, neededRequests * 2)
            quickRequests = 0
            return false
        }
        return true
    }

    /// The loop has to do with others, too: the row is broken.
    mutating func breakRow() {
        isAwake = false
        quickRequests = 0
        answerTime = nil
    }
}
