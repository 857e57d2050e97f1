/// When to ask a silent peer whether it is there, and when to give it up. Knows no clock: its owner tells when an
/// interval has passed.
package struct Keepalive: Sendable {
    package enum Action: Sendable, Hashable {
        case wait
        case ping(nonce: UInt64)
        case giveUp
    }

    private let maximumMisses: Int
    /// Whole ones; -1 where something arrived in the present one.
    private var silentIntervals = 0
    private var expectsAnswers = true
    private var nonce: UInt64 = 0

    /// - Parameter maximumMisses: Pings that may stay unanswered.
    package init(maximumMisses: Int) {
        self.maximumMisses = maximumMisses
    }

    /// Something arrived.
    package mutating func heard() {
        silentIntervals = -1
    }

    /// The peer closed its side: it may live on without a word. Writing to it tells whether it does.
    package mutating func expectNoAnswers() {
        expectsAnswers = false
    }

    package mutating func intervalPassed() -> Action {
        silentIntervals += 1
        guard expectsAnswers else { return ping() }
        guard silentIntervals <= maximumMisses else { return .giveUp }
        return silentIntervals > 0 ? ping() : .wait
    }

    /// Asks without waiting for an interval to pass.
    package mutating func ping() -> Action {
        nonce += 1
        return .ping(nonce: nonce)
    }
}
