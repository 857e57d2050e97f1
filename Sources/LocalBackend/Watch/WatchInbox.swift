internal import Glibc

/// Events that wait for a watch: bounded. A value.
struct WatchInbox {
    private struct Modified: Hashable {
        let watch: InotifyEvent.Watch
        let name: [UInt8]
    }

    private let capacity: Int
    private var events: [InotifyEvent] = []
    /// What the last events tell to be modified: once is enough.
    private var modified: Set<Modified> = []
    /// Nil: none is lost. With how many could be counted.
    private var lost: UInt64?

    init(capacity: Int) {
        self.capacity = capacity
    }

    var isEmpty: Bool { events.isEmpty && lost == nil }

    mutating func add(_ new: [InotifyEvent]) {
        for event in new {
            if lost != nil || events.count == capacity {
                lose(1)
            } else if event.has(IN_MODIFY | IN_ATTRIB) {
                let isNew = modified.insert(Modified(watch: event.watch, name: event.name)).inserted
                if isNew { events.append(event) }
            } else {
                modified = []
                events.append(event)
            }
        }
    }

    /// Nothing is known of what was before: all that waits is dropped.
    mutating func lose(_ count: UInt64) {
        lost = (lost ?? 0) &+ UInt64(events.count) &+ count
        events = []
        modified = []
    }

    /// All of them.
    mutating func take() -> [InotifyEvent] {
        defer {
            events = []
            modified = []
        }
        return events
    }

    /// How many are missing. Nil: none.
    mutating func takeLoss() -> UInt64? {
        defer { lost = nil }
        return lost
    }
}
