/// Part of a stage that one generator runs.
struct StageLoad: Codable, Equatable {
    var name: String
    var kind: Kind
    var duration: TimeSpan
    /// Of all calls that it makes.
    var calls: Int
    /// Connections that are made anew in a second.
    var churn = 0.0
    var seed: UInt64

    /// Before the first stage.
    static let nothing = StageLoad(name: "", kind: .none, duration: .seconds(0), calls: 0, seed: 0)

    enum Kind: Codable, Equatable {
        /// Calls in a second; phase as in ``ArrivalSchedule``.
        case open(from: Double, to: Double, arrivals: Arrivals, phase: Double)
        /// Of each connection.
        case closed(depth: Int)
        /// An echo in each of so many keys.
        case touch(Int)
        /// Makes the files that calls work on.
        case prepare
        case none
    }
}
