internal import AgentBackend

/// The slot of a call that what it began keeps when it is answered. Given back once, by ``release()``.
package struct HeldSlot: Sendable {
    private let slot: CallAdmissionSlot
    private let org: Org.ID
    private let admission: CallAdmission

    init(_ slot: CallAdmissionSlot, of org: Org.ID, from admission: CallAdmission) {
        self.slot = slot
        self.org = org
        self.admission = admission
    }

    /// From any thread.
    func release() {
        admission.leave(slot, bytes: 0, org: org)
    }
}
