internal import AgentBackend
internal import BackendPool

/// Decides which calls of which org may begin now, which have to wait and which are refused.
///
/// A value without clock, lock, task or channel. Each event is a method that takes the time and returns what the driver
/// must do. A call passes it at most twice:
///
/// - Every call, by its rate: ``reserve(_:upTo:at:)`` and ``settle(_:unused:bytes:)`` around a batch of calls,
///   ``waitForRate(_:waiter:at:)`` where the org has used up what it may in a second.
/// - A call that was not answered on the spot, by its slot: ``enter(_:_:waiter:at:)``. It needs one of its org's and one
///   of the broker's, which orgs that wait are given in turn.
///
/// What is kept of a call counts against its org's bytes from when it first waits, until ``leave(_:bytes:org:at:)``.
/// Every waiter is handed back exactly once, in an action, unless ``cancel(_:)`` says that it was waiting still.
/// Orgs are known by their dense numbers. One whose limits were not set yet may nothing: ``setLimits(_:of:at:)`` comes
/// before anybody speaks for it.
struct CallAdmissionMachine<Waiter: Sendable> {
    enum Action: Sendable {
        /// The call may go on. It has waited since then.
        case proceed(Waiter, since: Duration)
        case refuse(Waiter, BackendError)
        /// Report ``tick(at:)`` at this time. Several may be outstanding.
        case wakeUp(at: Duration)
    }

    /// A call that wants to begin.
    struct Request {
        let org: Org.ID
        /// That are kept of it from now on.
        var bytes = 0
        /// When it first waited; nil: it has not.
        var since: Duration?
        /// How long it is willing to wait; nil: as long as it may.
        var patience: Duration?
    }

    enum Entry {
        case proceed
        /// `wakeUp`: report ``tick(at:)`` then.
        case wait(CallAdmissionTicket, wakeUp: Duration?)
        /// Nothing is kept of it.
        case refuse(BackendError)
    }

    /// What a call waits for.
    enum Stage: Equatable {
        case rate
        case slot(CallAdmissionSlot)
    }

    struct Record {
        let payload: Waiter
        let account: Int
        let stage: Stage
        let since: Duration
        let deadline: TimerHeap<Timer>.ID
    }

    enum Timer {
        /// A waiter's deadline, by its index.
        case deadline(Int)
        /// An org has tokens again.
        case refill(account: Int)
    }

    /// One org. What every batch of calls looks at comes first, side by side.
    struct Account {
        /// Calls that wait for tokens, the first come first.
        var throttled = IndexList()
        /// Its limits were set.
        var isKnown = false
        var calls: TokenBucket
        var bytes: TokenBucket
        var limits = CallAdmissionLimits.none
        var connections = 0
        /// Bytes that are kept of unanswered calls.
        var heldBytes = 0
        /// Bytes that connections keep beside them, of those that keep any.
        var buffers: [UInt64: Int] = [:]
        /// Their sum.
        var bufferedBytes = 0
        /// Calls that ask what goes on.
        var inspections = 0
        var shares = InlineArray<2, Share>(repeating: Share())
        var refill: TimerHeap<Timer>.ID?
        /// All that wait, in the order in which they began to.
        var waiting = IndexList()
        var refusals = CallAdmissionSnapshot.Refusals()

        init(at now: Duration) {
            calls = TokenBucket(.perSecond(limits.callsPerSecond), at: now)
            bytes = TokenBucket(.perSecond(limits.bytesPerSecond), at: now)
        }

        mutating func setLimits(_ limits: CallAdmissionLimits, at now: Duration) {
            self.limits = limits
            if isKnown {
                calls.setRate(.perSecond(limits.callsPerSecond), at: now)
                bytes.setRate(.perSecond(limits.bytesPerSecond), at: now)
            } else {
                isKnown = true
                calls = TokenBucket(.perSecond(limits.callsPerSecond), at: now)
                bytes = TokenBucket(.perSecond(limits.bytesPerSecond), at: now)
            }
        }
    }

    /// What an org has of one kind of slots.
    struct Share {
        var used = 0
        /// Calls that wait for one, the first come first.
        var queue = IndexList()
        /// Whether it would be given one if the broker had one: the org is in the ring exactly then.
        var isInRing = false
    }

    /// The broker's slots of one kind.
    struct Gate {
        var capacity = 0
        var used = 0
        /// Orgs that take turns.
        var ring = DeficitRoundRobin()
    }

    var accounts: [Account] = []
    var gates = InlineArray<2, Gate>(repeating: Gate())
    var waiters: [Record?] = []
    var generations: [UInt32] = []
    var vacant: [Int] = []
    /// Of the one queue that a waiter is in.
    var queueLinks = IndexLinks()
    /// Of ``Account/waiting``.
    var ageLinks = IndexLinks()
    var timers = TimerHeap<Timer>()
    /// The `.wakeUp`s that are outstanding, the earliest last.
    var wakeUps: [Duration] = []

    init(_ slots: BrokerSlots) {
        gates[CallAdmissionSlot.call.rawValue].capacity = slots.calls
        gates[CallAdmissionSlot.command.rawValue].capacity = slots.commands
    }

    /// Where the org's account is. One that is not known gets an account with which it may nothing.
    mutating func account(of org: Org.ID, at now: Duration = .zero) -> Int {
        let account = Int(org)
        if account >= accounts.count {
            while accounts.count <= account { accounts.append(Account(at: now)) }
            for slot in CallAdmissionSlot.allCases { gates[slot.rawValue].ring.grow(to: accounts.count) }
        }
        return account
    }

    // MARK: Connections

    /// A connection of the org's is to begin. Returns why not.
    mutating func connect(_ org: Org.ID) -> BackendError? {
        let account = account(of: org)
        let (used, allowed) = (accounts[account].connections, accounts[account].limits.connections)
        guard used < allowed else {
            return refusal(.connections, account, used, allowed, retryAfter: Self.leastWait)
        }
        accounts[account].connections += 1
        return nil
    }

    mutating func disconnect(_ org: Org.ID) {
        accounts[account(of: org)].connections -= 1
    }

    // MARK: Slots

    /// A call could not be answered on the spot.
    mutating func enter(
        _ slot: CallAdmissionSlot,
        _ request: Request,
        waiter: @autoclosure () -> Waiter,
        at now: Duration
    ) -> Entry {
        let account = account(of: request.org, at: now)
        if let refusal = hold(request.bytes, account, at: now) { return .refuse(refusal) }
        let share = accounts[account].shares[slot.rawValue]
        let allowed = accounts[account].limits.slots(slot)
        // Who could be given a slot and waits for one is in the ring only while the broker has none.
        if share.queue.isEmpty, share.used < allowed, gates[slot.rawValue].used < gates[slot.rawValue].capacity {
            accounts[account].shares[slot.rawValue].used += 1
            gates[slot.rawValue].used += 1
            gates[slot.rawValue].ring.grantUnasked(account)
            return .proceed
        }
        if allowed == 0 {
            accounts[account].heldBytes -= request.bytes
            return .refuse(refusal(.of(slot), account, 0, 0, retryAfter: nil))
        }
        return wait(.slot(slot), account, request, waiter(), at: now)
    }

    /// A call was answered, or gave up waiting. `slot`: the one that it had.
    mutating func leave(_ slot: CallAdmissionSlot?, bytes: Int, org: Org.ID, at now: Duration) -> [Action] {
        let account = account(of: org, at: now)
        accounts[account].heldBytes -= bytes
        guard let slot else { return [] }
        accounts[account].shares[slot.rawValue].used -= 1
        gates[slot.rawValue].used -= 1
        refreshRing(account, slot)
        var actions: [Action] = []
        serve(slot, &actions)
        return actions
    }

    // MARK: Bytes

    /// So many bytes are kept of a call that waits for something else than this machine. Returns why they must not be.
    mutating func hold(_ bytes: Int, org: Org.ID, at now: Duration) -> BackendError? {
        hold(bytes, account(of: org, at: now), at: now)
    }

    /// So many bytes are kept, whatever the limit says, and count.
    mutating func keep(_ bytes: Int, org: Org.ID) {
        accounts[account(of: org)].heldBytes += bytes
    }

    private mutating func hold(_ bytes: Int, _ account: Int, at now: Duration) -> BackendError? {
        guard bytes > 0 else { return nil }
        let (used, allowed) = (accounts[account].heldBytes, accounts[account].limits.bytesInFlight)
        guard bytes <= allowed - used else {
            return refusal(.bytesInFlight, account, used, allowed, retryAfter: patience(account, at: now))
        }
        accounts[account].heldBytes += bytes
        return nil
    }
}

/// Names one wait. Never used twice.
struct CallAdmissionTicket: Sendable, Equatable {
    let index: Int
    let generation: UInt32
}

extension CallAdmissionLimits {
    func slots(_ slot: CallAdmissionSlot) -> Int {
        switch slot {
        case .call: callsInFlight
        case .command: commandsRunning
        }
    }
}

extension CallAdmissionLimit {
    /// Of the org.
    static func of(_ slot: CallAdmissionSlot) -> CallAdmissionLimit {
        switch slot {
        case .call: .callsInFlight
        case .command: .commandsRunning
        }
    }

    static func ofBroker(_ slot: CallAdmissionSlot) -> CallAdmissionLimit {
        switch slot {
        case .call: .brokerCallsInFlight
        case .command: .brokerCommandsRunning
        }
    }
}
