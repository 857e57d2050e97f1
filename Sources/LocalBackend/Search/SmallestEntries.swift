internal import AgentBackend

/// Which names of a directory come first.
enum ListStart: Sendable {
    /// This one, where it is there, and what sorts after it.
    case from([UInt8])
    case after([UInt8])
}

/// Keeps the entries that come first of a directory of any length. Holds twice as many at most.
struct SmallestEntries {
    private(set) var entries = NamedEntries()
    private let capacity: Int
    private let start: ListStart
    /// What sorts after it need not be kept. Nil: none has been dropped yet.
    private var last: [UInt8]?

    init(capacity: Int, _ start: ListStart) {
        self.capacity = max(capacity, 1)
        self.start = start
    }

    /// Whether the name may be among them.
    func takes(_ name: UnsafeRawBufferPointer) -> Bool {
        switch start {
        case .from(let first): if !first.isEmpty, name.lexicographicallyPrecedes(first) { return false }
        case .after(let before): if !before.lexicographicallyPrecedes(name) { return false }
        }
        guard let last else { return true }
        return !last.lexicographicallyPrecedes(name)
    }

    mutating func insert(_ name: UnsafeRawBufferPointer, _ kind: FileInfo.Kind?) {
        entries.append(name, kind)
        if entries.count >= 2 * capacity { drop() }
    }

    /// Sorts them. True: some had to be left out.
    mutating func finish() -> Bool {
        drop()
        return last != nil
    }

    private mutating func drop() {
        entries.sort()
        guard entries.count > capacity else { return }
        entries.keep(first: capacity)
        last = entries.last?.name
    }
}
