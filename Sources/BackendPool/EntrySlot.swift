/// What the ledger knows of one entry, or of a key that has none yet.
struct EntrySlot {
    enum Phase: UInt8 {
        /// Free for use. May become queued, or resting on its way there.
        case vacant
        /// The key's last creation failed. May become queued, or vacant when the failure is forgotten.
        case resting
        /// Waits for room. May become creating; resting or vacant when nobody waits for it any more.
        case queued
        /// The driver makes the entry. May become live, resting, vacant or destroying.
        case creating
        /// Handed out on acquire. May become retired or destroying.
        case live
        /// Replaced, or to be: leases keep it, but it is not handed out. May become destroying.
        case retired
        /// Being destroyed or waiting for it. May become vacant.
        case destroying
    }

    /// How a slot is counted.
    enum Standing: UInt8 {
        case uncounted, queued, creating, active, idle, destroying

        /// Whether it counts against the limits on entries. One that is being destroyed does: its processes
        /// and memory are still there.
        var takesRoom: Bool {
            switch self {
            case .uncounted, .queued: false
            case .creating, .active, .idle, .destroying: true
            }
        }
    }

    var phase: Phase = .vacant
    /// Changes when leases of the slot end without being released, and when the slot becomes vacant.
    var generation: UInt32 = 1
    /// Index of the org's account.
    var org = 0
    var leases: Int32 = 0
    /// Leases that it may have at a time.
    var maxLeases: Int32 = 0
    /// false: destroyed when its lease ends.
    var isKeyed = true
    /// Whether an idle entry may be destroyed before its time.
    var isEvictable = true
    /// Whether its idle time ends by the pool's timeout and is seen at the pool's cleanup. Only of evictable ones.
    var expiresWithPool = true
    /// Whether someone must set a timer when the entry becomes idle: its idle time ends by a timeout of its own, and
    /// no timer is set that fires before.
    var needsIdleTimer = false
    /// Acquires that wait for this slot, the first come first.
    var waiters = IndexList()
    /// When the last lease ended. Meaningful while idle.
    var idleSince: Duration = .zero

    var standing: Standing {
        switch phase {
        case .vacant, .resting: .uncounted
        case .queued: .queued
        case .creating: .creating
        case .live: leases > 0 ? .active : .idle
        case .retired: .active
        case .destroying: .destroying
        }
    }
}
