internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import Synchronization

/// The pooled entries, by their places in the pool.
extension ListEntries: SessionVerb {
    static let name = "list_entries"
    static let isModifying = false

    /// Most entries in one answer: they stay well within a frame's head.
    private static let maximumEntries = 500
    /// Places that are looked at before others may use the pool and the event loop.
    private static let stride = 1024

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        let org = try session.inspected(org, of: broker)
        let limit = limit > 0 ? min(Int(limit), Self.maximumEntries) : Self.maximumEntries
        var page = EntryPage(entries: [], isTruncated: false)
        var next = Int(exactly: after)
        while let from = next, !page.isTruncated {
            let listed = broker.pool.list(from: from, count: Self.stride, of: org?.id)
            for entry in listed.entries where session.principal.isTold(of: entry.key.name ?? "") {
                guard page.entries.count < limit else {
                    page.isTruncated = true
                    break
                }
                page.entries.append(ListedEntry(entry, broker))
            }
            next = listed.next
            await Task.yield()
        }
        return Answer(.entries(page))
    }
}

extension ListedEntry {
    fileprivate init(_ entry: PoolListing<BackendEntry>, _ broker: BrokerCore) {
        let state: State
        var idle = Duration.zero
        switch entry.state {
        case .resting, .waitingForRoom: state = .waiting
        case .creating: state = .creating
        case .active: state = .leased
        case .idle(let time): (state, idle) = (.idle, time)
        }
        self.init(
            number: UInt64(entry.slot) + 1,
            org: entry.entry?.org.name ?? broker.tenancy.current.orgs.orgs.first { $0.id == entry.key.org }?.name ?? "",
            key: entry.key.name ?? "",
            backend: entry.key.type,
            state: state
        )
        leases = UInt32(clamping: entry.leases)
        waiters = UInt32(clamping: entry.waiters)
        age = entry.age
        self.idle = idle
        commandsRunning = UInt32(clamping: entry.entry?.commandsRunning.load(ordering: .relaxed) ?? 0)
        bytes = entry.entry?.heldBytes ?? 0
    }
}
