import Synchronization

/// The keys that a memory backend and its scopes share, and the budget that they count against. Safe to use from any
/// thread.
final class MemoryStorage: Sendable {
    let budget: MemoryBudget
    private let maximumLength: Int
    /// May change; nil: there is none but `maximumLength`.
    private let fileSizeLimit: ByteLimit?
    /// Nanoseconds since 1970-01-01 UTC.
    let wallClock: @Sendable () -> Int64
    private let state = Mutex(State())

    fileprivate struct State {
        var store = MemoryStore()
        var watches: [ObjectIdentifier: MemoryWatch] = [:]
        var isDestroyed = false
    }

    var heldBytes: UInt64 { state.withLock { UInt64(clamping: $0.store.cost) } }

    /// Less than a `ByteBuffer` can hold.
    private static let largestFile = 1 << 30

    init(
        budget: MemoryBudget,
        maximumFileBytes: UInt64,
        fileSizeLimit: ByteLimit?,
        wallClock: @escaping @Sendable () -> Int64
    ) {
        self.budget = budget
        self.fileSizeLimit = fileSizeLimit
        maximumLength = Int(min(maximumFileBytes, UInt64(Self.largestFile)))
        self.wallClock = wallClock
    }

    /// What a key can hold, in bytes.
    var maximumFileBytes: Int { min(maximumLength, Int(clamping: fileSizeLimit?.bytes ?? .max)) }

    deinit {
        destroy()
    }

    /// Throws `BACKEND_DESTROYED`, or what `body` throws.
    func withStore<Value>(
        _ body: (inout MemoryStore) throws(BackendError) -> sending Value
    ) throws(BackendError) -> sending Value {
        try state.withLock { state throws(BackendError) in
            guard !state.isDestroyed else { throw Self.destroyed }
            defer { state.tellChanges() }
            return try body(&state.store)
        }
    }

    /// A watch gets what changes from now on. Throws what `check` does of the store, or `BACKEND_DESTROYED`.
    func add(_ watch: MemoryWatch, _ check: (MemoryStore) throws(BackendError) -> Void) throws(BackendError) {
        try state.withLock { state throws(BackendError) in
            guard !state.isDestroyed else { throw Self.destroyed }
            try check(state.store)
            state.watches[ObjectIdentifier(watch)] = watch
            state.store.noteChanges(true)
        }
    }

    func remove(_ watch: MemoryWatch) {
        state.withLock { state in
            state.watches[ObjectIdentifier(watch)] = nil
            state.store.noteChanges(!state.watches.isEmpty)
        }
    }

    func destroy() {
        let held = state.withLock { state in
            let held = state.store.cost
            state = State(isDestroyed: true)
            return held
        }
        budget.release(held)
    }

    static let destroyed = BackendError(
        .backendDestroyed,
        message: "the memory backend was destroyed: acquire it again"
    )
}

extension MemoryStorage.State {
    fileprivate mutating func tellChanges() {
        guard !watches.isEmpty else { return }
        let changes = store.takeChanges()
        guard !changes.isEmpty else { return }
        for watch in watches.values { watch.receive(changes, store) }
    }
}
