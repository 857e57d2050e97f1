internal import AgentBackend
internal import NIOCore

/// Calls that wait for a connection, in order. A value; whoever owns it has the timers' event loop.
struct WaitingCalls {
    private struct Entry {
        let call: UnsentCall
        var writes: [CallWrite]
        let timer: Scheduled<Void>?

        /// With the bytes that came meanwhile.
        func take() -> UnsentCall {
            timer?.cancel()
            var taken = call
            taken.writes = writes
            return taken
        }
    }

    private let maximum: Int
    private var entries: [UInt64: Entry] = [:]
    private var lastID: UInt64 = 0

    init(maximum: Int) {
        self.maximum = maximum
    }

    var count: Int { entries.count }

    /// Fails the call where as many wait as may.
    ///
    /// - Parameter schedule: Makes the timer of the call's deadline.
    mutating func append(_ call: UnsentCall, schedule: (NIODeadline) -> Scheduled<Void>) -> Bool {
        guard entries.count < maximum else {
            call.fail(Self.overflow(maximum))
            return false
        }
        lastID += 1
        call.inbox.id = lastID
        entries[lastID] = Entry(call: call, writes: call.writes, timer: call.deadline.map(schedule))
        return true
    }

    /// Nil: it does not wait here.
    mutating func remove(_ inbox: CallInbox) -> UnsentCall? {
        guard let entry = entries[inbox.id], entry.call.inbox === inbox else { return nil }
        entries[inbox.id] = nil
        return entry.take()
    }

    /// All of them, in order.
    mutating func removeAll() -> [UnsentCall] {
        defer { entries.removeAll() }
        return entries.sorted { $0.key < $1.key }.map { $0.value.take() }
    }

    /// Keeps bytes of a call until it is sent. False: it does not wait here.
    mutating func append(_ write: CallWrite, to inbox: CallInbox) -> Bool {
        guard let entry = entries[inbox.id], entry.call.inbox === inbox else { return false }
        entries[inbox.id]?.writes.append(write)
        return true
    }

    /// Nil: it is not here.
    mutating func withdraw(_ write: UInt64, of inbox: CallInbox) -> CallWrite? {
        guard let entry = entries[inbox.id], entry.call.inbox === inbox,
            let index = entry.writes.firstIndex(where: { $0.id == write })
        else { return nil }
        return entries[inbox.id]?.writes.remove(at: index)
    }

    private static func overflow(_ maximum: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "there is no connection to the broker, and as many calls wait for one as may: try again later",
            isRetryable: true,
            limit: LimitDetails(name: "waiting_calls", used: UInt64(maximum), allowed: UInt64(maximum))
        )
    }
}
