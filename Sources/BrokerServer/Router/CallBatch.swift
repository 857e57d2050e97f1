internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend

/// What the calls of one read batch work on, and those of them that are put off to its end.
///
/// A call names its entry by its place in here: entries are shared by all event loops, which would wait for each other
/// wherever a reference to one is counted. For calls that are answered on the spot it is once a batch.
///
/// What each call asks for is `mutating`, whether or not it changes anything: the batch would be copied for it otherwise,
/// by counting four references.
struct CallBatch {
    /// Put off, in the order in which they came.
    private(set) var calls: [PutOffCall] = []
    private var places: [Place] = []
    /// What the places stand for: one for each, in the same order.
    private var targets: [Target] = []
    /// Keeps what ``places`` refer to without counting: one for each, in the same order, and both end together.
    private var owned: [(entry: BackendEntry, backend: EntryBackend)] = []

    struct PutOffCall {
        let call: Call
        fileprivate let place: Int
        fileprivate var outcome = NonBlocking<Answer>.wouldBlock
    }

    /// An entry in use, and the view of it that a target asks for. Nothing in it counts references.
    private struct Place {
        let backend: UncountedBackend
        /// One for all calls of the batch with this target. Nil: one that the client holds.
        let lease: LeaseID?
        let recordsReads: Bool
        let recordsChanges: Bool
        /// False: the client has given its lease back.
        var isHeld = true
    }

    private enum UncountedBackend {
        case local(Unmanaged<LocalFilesystemBackend>)
        case memory(Unmanaged<MemoryBackend>)
    }

    var isEmpty: Bool { places.isEmpty }

    /// How many calls it has room for.
    var capacity: Int { calls.capacity }

    /// It is to end before more is begun.
    var isFull: Bool { places.count >= Self.maximumPlaces }

    /// Each call looks through the places, and the entries are leased until the batch ends.
    private static var maximumPlaces: Int { 64 }

    /// Nil: nothing of the batch works on it yet.
    mutating func place(of target: Target) -> Int? {
        // By a span: an element that is taken out is a copy.
        let targets = targets.span
        for place in targets.indices where targets[place] == target && places[place].isHeld { return place }
        return nil
    }

    mutating func add(_ entry: BackendEntry, _ backend: EntryBackend, _ target: Target, _ lease: LeaseID?) -> Int {
        owned.append((entry, backend))
        let uncounted: UncountedBackend =
            switch backend {
            case .local(let backend): .local(.passUnretained(backend))
            case .memory(let backend): .memory(.passUnretained(backend))
            }
        places.append(
            Place(
                backend: uncounted,
                lease: lease,
                recordsReads: entry.log.records(isModifying: false),
                recordsChanges: entry.log.records(isModifying: true)
            )
        )
        targets.append(target)
        return places.count - 1
    }

    /// The client holds this lease no more: calls that come now do not find what was in use by it.
    mutating func released(_ lease: UInt64) {
        for index in places.indices where targets[index].lease == lease { places[index].isHeld = false }
    }

    /// Attempts a call on the spot.
    mutating func attempt(_ verb: some EntryVerb, _ call: Call, at place: Int) -> NonBlocking<Answer> {
        switch places[place].backend {
        case .local(let backend):
            backend._withUnsafeGuaranteedRef { verb.attempt(call.payload, isWhole: call.isWhole, on: $0) }
        case .memory(let backend):
            backend._withUnsafeGuaranteedRef { verb.attempt(call.payload, isWhole: call.isWhole, on: $0) }
        }
    }

    /// Whether calls are recorded, as far as that does not hang on how they end: as it was when the batch came to the
    /// entry. Who begins to follow a log meanwhile hears of the next batch.
    mutating func isRecorded(at place: Int, isModifying: Bool) -> Bool {
        isModifying ? places[place].recordsChanges : places[place].recordsReads
    }

    /// For what is to be recorded; counts a reference.
    func entry(at place: Int) -> BackendEntry { owned[place].entry }

    /// It works on local files, as the org's user.
    mutating func changesIdentity(at place: Int) -> Bool {
        guard case .local(let backend) = places[place].backend else { return false }
        return backend._withUnsafeGuaranteedRef { $0.identity != nil }
    }

    mutating func putOff(_ call: Call, at place: Int) {
        calls.append(PutOffCall(call: call, place: place))
    }

    /// Attempts what was put off. As the org's user: system calls and nothing else.
    mutating func attempt() {
        let owned = owned
        var calls = calls.mutableSpan
        for index in calls.indices {
            guard case .local(let backend) = owned[calls[index].place].backend else { continue }
            calls[index].attempt(on: backend)
        }
    }

    /// Ends the leases of the batch.
    func release(to pool: BrokerCore.Pool) {
        for place in places {
            if let lease = place.lease { pool.release(lease) }
        }
    }

    /// Tells what became of each call that was put off, once.
    mutating func takeOutcomes(_ body: (Call, BackendEntry, Attempt) -> Void) {
        let owned = owned
        var calls = calls.mutableSpan
        for index in calls.indices {
            let outcome = Attempt(calls[index].takeOutcome(), calls[index].call.operation.name)
            body(calls[index].call, owned[calls[index].place].entry, outcome)
        }
    }

    /// Keeps the room.
    mutating func removeAll() {
        calls.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        owned.removeAll(keepingCapacity: true)
    }
}

extension CallBatch.PutOffCall {
    fileprivate mutating func attempt(on backend: LocalFilesystemBackend) {
        switch call.operation {
        case .read(let verb): outcome = verb.attempt(call.payload, isWhole: call.isWhole, on: backend)
        case .stat(let verb): outcome = verb.attempt(call.payload, isWhole: call.isWhole, on: backend)
        case .exists(let verb): outcome = verb.attempt(call.payload, isWhole: call.isWhole, on: backend)
        default: outcome = .wouldBlock
        }
    }

    fileprivate mutating func takeOutcome() -> NonBlocking<Answer> { exchange(&outcome, with: .wouldBlock) }
}
