internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend

/// What the calls of one read batch work on, and those of them that are put off to its end.
///
/// A call names its entry by its place in here: entries are shared by all event loops, which would wait for each other
/// wherever a reference to one is counted.
struct CallBatch {
    /// Put off, in the order in which they came.
    private(set) var calls: [PutOffCall] = []
    private var places: [Place] = []

    struct PutOffCall {
        let call: Call
        fileprivate let place: Int
        fileprivate var outcome = NonBlocking<Answer>.wouldBlock
    }

    /// An entry in use, and the view of it that a target asks for.
    private struct Place {
        let target: Target
        let entry: BackendEntry
        let backend: EntryBackend
        /// One for all calls of the batch with this target. Nil: one that the client holds.
        let lease: LeaseID?
    }

    var isEmpty: Bool { places.isEmpty }

    /// How many calls it has room for.
    var capacity: Int { calls.capacity }

    /// It is to end before more is begun.
    var isFull: Bool { places.count >= Self.maximumPlaces }

    /// Each call looks through the places, and the entries are leased until the batch ends.
    private static var maximumPlaces: Int { 64 }

    /// Nil: nothing of the batch works on it yet.
    func place(of target: Target) -> Int? {
        // By index: an element that is taken out is a copy.
        places.indices.first { places[$0].target == target }
    }

    mutating func add(_ entry: BackendEntry, _ backend: EntryBackend, _ target: Target, _ lease: LeaseID?) -> Int {
        places.append(Place(target: target, entry: entry, backend: backend, lease: lease))
        return places.count - 1
    }

    /// Hands over an entry, and the view of it that the target asks for. The batch has both until it ends, so that no
    /// reference is counted.
    func withPlace<Result>(_ place: Int, _ body: (BackendEntry, EntryBackend) -> Result) -> Result {
        let places = places.span
        return Unmanaged.passUnretained(places[place].entry)._withUnsafeGuaranteedRef { entry in
            switch places[place].backend {
            case .local(let backend):
                Unmanaged.passUnretained(backend)._withUnsafeGuaranteedRef { body(entry, .local($0)) }
            case .memory(let backend):
                Unmanaged.passUnretained(backend)._withUnsafeGuaranteedRef { body(entry, .memory($0)) }
            }
        }
    }

    /// It works on local files, as the org's user.
    func changesIdentity(at place: Int) -> Bool {
        guard case .local(let backend) = places[place].backend else { return false }
        return backend.identity != nil
    }

    mutating func putOff(_ call: Call, at place: Int) {
        calls.append(PutOffCall(call: call, place: place))
    }

    /// Attempts what was put off. As the org's user: system calls and nothing else.
    mutating func attempt() {
        let places = places
        var calls = calls.mutableSpan
        for index in calls.indices {
            guard case .local(let backend) = places[calls[index].place].backend else { continue }
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
        let places = places
        var calls = calls.mutableSpan
        for index in calls.indices {
            let outcome = Attempt(calls[index].takeOutcome(), calls[index].call.operation.name)
            body(calls[index].call, places[calls[index].place].entry, outcome)
        }
    }

    /// Keeps the room.
    mutating func removeAll() {
        calls.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
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
