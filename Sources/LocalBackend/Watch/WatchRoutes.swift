/// Which of several watchers the events of each watched directory go to. A value.
struct WatchRoutes {
    typealias Watch = InotifyEvent.Watch
    typealias Watcher = UInt64

    private var watchers: [Watch: [Watcher]] = [:]
    private var watches: [Watcher: Set<Watch>] = [:]

    func watchers(of watch: Watch) -> [Watcher] { watchers[watch] ?? [] }

    /// False: it was there already.
    mutating func add(_ watch: Watch, to watcher: Watcher) -> Bool {
        guard watches[watcher, default: []].insert(watch).inserted else { return false }
        watchers[watch, default: []].append(watcher)
        return true
    }

    enum Removal: Hashable {
        case nothing
        case othersStay
        /// Nobody needs its events any more.
        case wasLast
    }

    mutating func remove(_ watch: Watch, of watcher: Watcher) -> Removal {
        guard watches[watcher]?.remove(watch) != nil else { return .nothing }
        if watches[watcher]?.isEmpty ?? false { watches[watcher] = nil }
        watchers[watch]?.removeAll { $0 == watcher }
        guard watchers[watch]?.isEmpty ?? true else { return .othersStay }
        watchers[watch] = nil
        return .wasLast
    }

    /// The kernel has forgotten it. Returns whose it was.
    mutating func forget(_ watch: Watch) -> [Watcher] {
        let former = watchers.removeValue(forKey: watch) ?? []
        for watcher in former {
            watches[watcher]?.remove(watch)
            if watches[watcher]?.isEmpty ?? false { watches[watcher] = nil }
        }
        return former
    }

    /// Some of a watcher's, at most `count`.
    func some(of watcher: Watcher, _ count: Int) -> [Watch] { Array((watches[watcher] ?? []).prefix(count)) }

    /// How many each watcher has.
    var counts: [Watcher: Int] { watches.mapValues(\.count) }
}
