internal import AgentBackend
internal import BackendPool
internal import NIOCore
internal import Synchronization

/// Who is told when a call that waited may go on, on its event loop.
protocol CallAdmissionClient: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
    /// A call may go on. False: it is there no more.
    func admitted(_ call: UInt64, since: Duration) -> Bool
    /// It has waited in vain.
    func refused(_ call: UInt64, _ error: BackendError)
}

/// Drives the one ``CallAdmissionMachine`` of a broker: the lock around it, and the time. Safe to use from any thread;
/// nothing waits. ``run()`` has to be running for calls that wait for their turn or their deadline.
package final class CallAdmission: Sendable {
    struct Waiter: Sendable {
        let client: any CallAdmissionClient
        let org: Org.ID
        let call: UInt64
        /// What it waits for; nil: for its turn by the rate.
        let slot: CallAdmissionSlot?
    }

    typealias Machine = CallAdmissionMachine<Waiter>

    private let machine: Mutex<Machine>
    private let time: BrokerTime
    /// Bounded by what the machine asks for: each is earlier than the one before it, or comes after it.
    private let wakeUps = Mailbox<Duration>()

    init(_ slots: BrokerSlots, orgs: [Org] = [], time: BrokerTime) {
        machine = Mutex(Machine(slots))
        self.time = time
        for org in orgs { update(limits: org.limits, of: org.id) }
    }

    // MARK: Limits

    /// What an org may from the next call on. What was begun goes on, also where that is more.
    package func update(limits: Org.Limits, of org: Org.ID) {
        let now = time.elapsed()
        perform(machine.withLock { $0.setLimits(CallAdmissionLimits(limits), of: org, at: now) })
    }

    /// What the broker has for all orgs together from the next call on.
    package func update(_ configuration: BrokerConfiguration) {
        perform(machine.withLock { $0.setSlots(BrokerSlots(configuration)) })
    }

    /// Of an org; nil: of all together. All zero for an org that is not known.
    package func snapshot(of org: Org.ID?) -> CallAdmissionSnapshot {
        let now = time.elapsed()
        return machine.withLock { machine in
            org.map { machine.snapshot(of: $0, at: now) } ?? machine.snapshot(at: now)
        }
    }

    // MARK: Connections

    /// Throws `RESOURCE_EXHAUSTED`. Else ``disconnect(_:)`` has to follow.
    func connect(_ org: Org.ID) throws(BackendError) {
        if let refusal = machine.withLock({ $0.connect(org) }) { throw refusal }
    }

    func disconnect(_ org: Org.ID) {
        machine.withLock { $0.disconnect(org) }
    }

    // MARK: Calls

    func reserve(_ org: Org.ID, upTo count: Int) -> Int {
        let now = time.elapsed()
        return machine.withLock { $0.reserve(org, upTo: count, at: now) }
    }

    /// Returns how long the org's connections are not to be listened to: zero, unless more was used than reserved.
    func settle(_ org: Org.ID, unused: Int, bytes: Int) -> Duration {
        let isWaitedFor = machine.withLock { $0.settle(org, unused: unused, bytes: bytes) }
        if isWaitedFor {
            let now = time.elapsed()
            perform(machine.withLock { $0.gaveBack(org, at: now) })
        }
        return unused < 0 ? callDebt(of: org) : .zero
    }

    /// A call that comes over no connection and asks what goes on. Waits while the org owes for calls; ended by cancelling.
    func countCall(of org: Org.ID) async {
        let owed = settle(org, unused: -1, bytes: 0)
        if owed > .zero { try? await time.sleep(owed) }
    }

    /// How long it takes until the org owes for no call.
    func callDebt(of org: Org.ID) -> Duration {
        let now = time.elapsed()
        return machine.withLock { $0.callDebt(of: org, at: now) }
    }

    /// Waits while an org is in debt for bytes. Ended by cancelling.
    func pace(_ org: Org.ID) async {
        let now = time.elapsed()
        let debt = machine.withLock { $0.debt(of: org, at: now) }
        if debt > .zero { try? await time.sleep(debt) }
    }

    /// A call is to begin for which nothing could be reserved.
    func waitForRate(_ request: Machine.Request, _ waiter: Waiter) -> Machine.Entry {
        let now = time.elapsed()
        return tell(machine.withLock { $0.waitForRate(request, waiter: waiter, at: now) })
    }

    /// A call could not be answered on the spot.
    func enter(_ slot: CallAdmissionSlot, _ request: Machine.Request, _ waiter: Waiter) -> Machine.Entry {
        let now = time.elapsed()
        return tell(machine.withLock { $0.enter(slot, request, waiter: waiter, at: now) })
    }

    /// False: the client has been told, or is about to be.
    func cancel(_ ticket: CallAdmissionTicket) -> Bool {
        machine.withLock { $0.cancel(ticket) }
    }

    func leave(_ slot: CallAdmissionSlot?, bytes: Int, org: Org.ID) {
        guard slot != nil || bytes > 0 else { return }
        let now = time.elapsed()
        perform(machine.withLock { $0.leave(slot, bytes: bytes, org: org, at: now) })
    }

    /// Keeps bytes of a call that waits for something else. Throws `RESOURCE_EXHAUSTED`.
    func hold(_ bytes: Int, org: Org.ID) throws(BackendError) {
        let now = time.elapsed()
        if let refusal = machine.withLock({ $0.hold(bytes, org: org, at: now) }) { throw refusal }
    }

    /// Keeps bytes of a call that was begun.
    func keep(_ bytes: Int, org: Org.ID) {
        machine.withLock { $0.keep(bytes, org: org) }
    }

    // MARK: Beside calls

    /// A connection keeps so many bytes beside its calls. Returns the one that has to go.
    func keepsBuffers(
        _ bytes: Int,
        connection: UInt64,
        org: Org.ID
    ) -> (connection: UInt64, error: BackendError)? {
        machine.withLock { $0.keepsBuffers(bytes, connection: connection, org: org) }
    }

    /// A call that asks what goes on. Throws `RESOURCE_EXHAUSTED`; else ``endInspection(_:)`` has to follow.
    func beginInspection(_ org: Org.ID) throws(BackendError) {
        if let refusal = machine.withLock({ $0.beginInspection(org) }) { throw refusal }
    }

    func endInspection(_ org: Org.ID) {
        machine.withLock { $0.endInspection(org) }
    }

    // MARK: Time

    /// Looks at the clock when the machine asks for it. Returns after ``stop()``, or when its task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while let times = await wakeUps.next() {
                    for time in times {
                        group.addTask { await self.sleep(until: time) }
                    }
                }
                group.cancelAll()
            }
        } onCancel: {
            stop()
        }
    }

    /// From now on nobody looks at the clock. Idempotent.
    func stop() {
        wakeUps.finish()
    }

    private func sleep(until deadline: Duration) async {
        let rest = deadline - time.elapsed()
        if rest > .zero {
            do {
                try await time.sleep(rest)
            } catch {
                return
            }
        }
        let now = time.elapsed()
        perform(machine.withLock { $0.tick(at: now) })
    }

    /// What a call was given that is there no more.
    private func giveBack(_ waiter: Waiter) {
        if let slot = waiter.slot {
            leave(slot, bytes: 0, org: waiter.org)
        } else {
            _ = settle(waiter.org, unused: 1, bytes: 0)
        }
    }

    private func tell(_ entry: Machine.Entry) -> Machine.Entry {
        if case .wait(_, let wakeUp?) = entry { wakeUps.send(wakeUp) }
        return entry
    }

    /// The lock must not be held.
    private func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .proceed(let waiter, let since):
                waiter.client.eventLoop.execute {
                    if !waiter.client.admitted(waiter.call, since: since) { self.giveBack(waiter) }
                }
            case .refuse(let waiter, let error):
                waiter.client.eventLoop.execute { waiter.client.refused(waiter.call, error) }
            case .wakeUp(let time):
                wakeUps.send(time)
            }
        }
    }
}
