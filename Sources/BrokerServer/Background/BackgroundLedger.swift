internal import DequeModule

/// Which background commands of one org there are, and which of those that ended are remembered.
///
/// A value without lock or clock. What it says is to be forgotten is known here no more. `Owner` is whose command it is;
/// only with that is it found.
struct BackgroundLedger<Owner: Hashable & Sendable>: Sendable {
    typealias ID = UInt64

    /// Of those that ended. The oldest go first.
    struct Limits: Sendable, Hashable {
        var perOwner: Int
        var perOrg: Int
        /// Bytes of output of all of them.
        var outputBytes: Int
    }

    enum Action: Sendable, Hashable {
        /// Its output is to be kept no longer; how it ended is.
        case dropOutput(ID)
        case forget(ID)
    }

    private struct Exec: Sendable {
        let owner: Owner
        /// Nil: it runs.
        var keptBytes: Int?
    }

    private var execs: [ID: Exec] = [:]
    private var owners: [Owner: [ID]] = [:]
    /// In the order in which they ended.
    private var ended: Deque<ID> = []
    /// Those of them whose output is kept.
    private var withOutput: Deque<ID> = []
    private(set) var keptBytes = 0

    init() {}

    var count: Int { execs.count }
    var runningCount: Int { execs.count - ended.count }

    // MARK: Events

    /// `id` is above all before it.
    mutating func began(_ id: ID, _ owner: Owner) {
        execs[id] = Exec(owner: owner)
        owners[owner, default: []].append(id)
    }

    /// `keptBytes`: of its output. Of one that is not known, such as one that was forgotten while it ran: nothing.
    mutating func ended(_ id: ID, keptBytes bytes: Int, _ limits: Limits) -> [Action] {
        guard let owner = execs[id]?.owner, execs[id]?.keptBytes == nil else { return [] }
        execs[id]?.keptBytes = bytes
        ended.append(id)
        if bytes > 0 { withOutput.append(id) }
        keptBytes += bytes
        var actions: [Action] = []
        let ofOwner = owners[owner, default: []].filter { execs[$0]?.keptBytes != nil }
        if ofOwner.count > limits.perOwner {
            // By when they ended, and not by when they began.
            let surplus = ended.lazy.filter { ofOwner.contains($0) }.prefix(ofOwner.count - limits.perOwner)
            for id in Array(surplus) { forget(id, &actions) }
        }
        while ended.count > limits.perOrg, let oldest = ended.first { forget(oldest, &actions) }
        while keptBytes > limits.outputBytes, let oldest = withOutput.first {
            dropOutput(of: oldest)
            actions.append(.dropOutput(oldest))
        }
        return actions
    }

    /// All of an owner, running or not. Returns them.
    mutating func forget(_ owner: Owner) -> [ID] {
        let ids = owners[owner] ?? []
        var actions: [Action] = []
        for id in ids { forget(id, &actions) }
        return ids
    }

    // MARK: Looks from outside

    var all: some Sequence<ID> { execs.keys }

    func owns(_ owner: Owner, _ id: ID) -> Bool { execs[id]?.owner == owner }

    func owner(of id: ID) -> Owner? { execs[id]?.owner }

    /// In the order in which they began.
    func execs(of owner: Owner) -> [ID] { owners[owner] ?? [] }

    // MARK: Parts

    private mutating func forget(_ id: ID, _ actions: inout [Action]) {
        dropOutput(of: id)
        guard let exec = execs.removeValue(forKey: id) else { return }
        ended.removeAll { $0 == id }
        owners[exec.owner]?.removeAll { $0 == id }
        if owners[exec.owner]?.isEmpty ?? false { owners[exec.owner] = nil }
        actions.append(.forget(id))
    }

    private mutating func dropOutput(of id: ID) {
        guard let bytes = execs[id]?.keptBytes, bytes > 0 else { return }
        execs[id]?.keptBytes = 0
        withOutput.removeAll { $0 == id }
        keptBytes -= bytes
    }
}
