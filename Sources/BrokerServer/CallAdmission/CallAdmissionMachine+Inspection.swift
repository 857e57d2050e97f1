internal import AgentBackend

/// Calls by which an org asks what it has going on. They take nothing that other calls could have used up, for they are
/// made when that is so; but they are few at a time, and each is owed for as a call.
extension CallAdmissionMachine {
    /// At a time, of one org.
    static var maximumInspections: Int { 16 }

    /// Such a call is to begin. Returns why not.
    mutating func beginInspection(_ org: Org.ID) -> BackendError? {
        let account = account(of: org)
        let (used, allowed) = (accounts[account].inspections, Self.maximumInspections)
        guard used < allowed else {
            return refusal(.inspections, account, used, allowed, retryAfter: Self.leastWait)
        }
        accounts[account].inspections += 1
        return nil
    }

    mutating func endInspection(_ org: Org.ID) {
        accounts[account(of: org)].inspections -= 1
    }
}
