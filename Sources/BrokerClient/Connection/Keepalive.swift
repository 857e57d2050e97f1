/// When to ask a silent broker whether it is there, and when to give it up. Knows no clock: its owner tells when an
/// interval has passed.
struct Keepalive {
    enum Action {
        case ping(nonce: UInt64)
        case giveUp
    }

    private let maximumMisses: Int
    private var silentIntervals = 0
    private var nonce: UInt64 = 0

    init(maximumMisses: Int) {
        self.maximumMisses = maximumMisses
    }

    /// Something arrived.
    mutating func heard() {
        silentIntervals = 0
    }

    mutating func intervalPassed() -> Action {
        guard silentIntervals < maximumMisses else { return .giveUp }
        silentIntervals += 1
        nonce += 1
        return .ping(nonce: nonce)
    }
}
