internal import DequeModule

/// Which work on files a thread does next: that of the owners in turn, each owner's first in, first out, so that one's
/// thousand calls delay another's by one turn. A value without threads; see ``FileThreads``.
struct FileQueue<Work> {
    /// For whom work is done.
    typealias Owner = UInt64

    /// What a thread does in one go, for one owner.
    struct Turn {
        let owner: Owner
        var works: [Work]
    }

    private struct Line {
        var waiting: Deque<Work> = []
        /// Threads that work for the owner.
        var threads = 0
        let maximumThreads: Int
        var isInRing = false
    }

    private let maximumThreads: Int
    /// Threads that work, or are about to.
    private(set) var threads = 0
    /// Owners that have work or threads.
    private var lines: [Owner: Line] = [:]
    /// Those that have work and may have another thread, the next one first.
    private var ring: Deque<Owner> = []
    private var isClosed = false

    init(maximumThreads: Int) {
        self.maximumThreads = maximumThreads
    }

    enum Addition {
        /// A thread that works will come to it.
        case waits
        /// Another thread is to ask for its turn.
        case startThread
        case refused(Work)
    }

    /// - Parameter maximumThreads: That may work for this owner at the same time.
    mutating func add(_ work: Work, of owner: Owner, maximumThreads: Int) -> Addition {
        guard !isClosed else { return .refused(work) }
        lines[owner, default: Line(maximumThreads: maximumThreads)].waiting.append(work)
        enterRing(owner)
        guard threads < self.maximumThreads, !ring.isEmpty else { return .waits }
        threads += 1
        return .startThread
    }

    /// The next turn of a thread, which has done `last` before; nil: it may rest.
    ///
    /// - Parameter isShort: Whether work is done soon. Some of that, the owner's next, is done in one turn.
    mutating func next(after last: Owner?, isShort: (Work) -> Bool) -> Turn? {
        if let last { end(last) }
        guard let owner = ring.popFirst(), var line = lines[owner] else {
            threads -= 1
            return nil
        }
        line.isInRing = false
        line.threads += 1
        var turn = Turn(owner: owner, works: [])
        // As many as leave something for the other threads to do.
        var room = min(Self.mostInTurn, (line.waiting.count + line.maximumThreads - 1) / line.maximumThreads)
        while room > 0, let work = line.waiting.first, turn.works.isEmpty || isShort(work) {
            turn.works.append(line.waiting.removeFirst())
            room = isShort(work) ? room - 1 : 0
        }
        lines[owner] = line
        enterRing(owner)
        return turn
    }

    /// Nothing more begins; what waited is returned.
    mutating func close() -> [Work] {
        isClosed = true
        ring = []
        var rest: [Work] = []
        for owner in Array(lines.keys) {
            rest += lines[owner]?.waiting ?? []
            lines[owner]?.waiting = []
        }
        return rest
    }

    private mutating func end(_ owner: Owner) {
        lines[owner]?.threads -= 1
        enterRing(owner)
        if let line = lines[owner], line.threads == 0, line.waiting.isEmpty { lines[owner] = nil }
    }

    private mutating func enterRing(_ owner: Owner) {
        guard let line = lines[owner], !line.isInRing, !line.waiting.isEmpty, line.threads < line.maximumThreads else {
            return
        }
        lines[owner]?.isInRing = true
        ring.append(owner)
    }

    static var mostInTurn: Int { 8 }
}
