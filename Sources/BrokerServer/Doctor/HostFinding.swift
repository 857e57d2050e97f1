/// What this host has of one thing that a broker needs or uses, found by using it.
package struct HostFinding: Sendable, Hashable {
    package enum Verdict: String, Sendable {
        case works
        /// The broker runs without it, and what that means is said.
        case degraded
        /// The broker cannot run, or not as its configuration asks.
        case missing
    }

    package var mechanism: String
    package var verdict: Verdict
    /// What was seen, or what it means that it is not there.
    package var found: String
    /// What to do about it. Empty where there is nothing to do.
    package var advice: String

    init(_ mechanism: String, _ verdict: Verdict, _ found: String, advice: String = "") {
        self.mechanism = mechanism
        self.verdict = verdict
        self.found = found
        self.advice = advice
    }
}
