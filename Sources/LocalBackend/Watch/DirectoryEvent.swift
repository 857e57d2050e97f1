internal import Glibc

/// What happened in a directory that is watched, with the two ends of a renaming put together.
enum DirectoryEvent: Sendable, Hashable {
    typealias Watch = InotifyEvent.Watch

    /// A name in a watched directory.
    struct Place: Sendable, Hashable {
        var watch: Watch
        var name: [UInt8]
    }

    case appeared(Place, isDirectory: Bool)
    case vanished(Place, isDirectory: Bool)
    case moved(from: Place, to: Place, isDirectory: Bool)
    /// Went elsewhere, and something else may have come in its place in the same step: it has to be looked at.
    case displaced(Place)
    case modified(Place, isDirectory: Bool)
    /// The directory itself was removed, has another name, or its file system is gone.
    case gone(Watch)
    /// Nothing more comes of the watch.
    case forgotten(Watch)

    /// What happened, in order.
    static func all(in events: [InotifyEvent]) -> [DirectoryEvent] {
        var partners: Set<Int> = []
        var all: [DirectoryEvent] = []
        all.reserveCapacity(events.count)
        for index in events.indices where !partners.contains(index) {
            if let partner = partner(of: index, in: events, without: partners) {
                partners.insert(partner)
                all.append(DirectoryEvent(events[index], events[partner]))
            } else if let event = DirectoryEvent(events[index]) {
                all.append(event)
            }
        }
        return all
    }

    /// Whether an event may be the first of two of which the other is still to come.
    static func awaitsPartner(_ event: InotifyEvent, after previous: InotifyEvent?) -> Bool {
        if event.has(IN_MOVED_FROM) { return previous.map { !isExchange($0, event) } ?? true }
        guard event.has(IN_MOVED_TO), !event.isDirectory else { return false }
        return previous?.cookie != event.cookie
    }

    /// The second of two events that are one. Other threads' events may lie between them.
    private static func partner(of index: Int, in events: [InotifyEvent], without taken: Set<Int>) -> Int? {
        let first = events[index]
        let rest = events.indices[(index + 1)...].prefix(mostBetween).lazy.filter { !taken.contains($0) }
        if first.has(IN_MOVED_FROM) {
            return rest.first { events[$0].has(IN_MOVED_TO) && events[$0].cookie == first.cookie }
        }
        guard first.has(IN_MOVED_TO), !first.isDirectory else { return nil }
        return rest.first { isExchange(first, events[$0]) }
    }

    /// Whether a file was exchanged with one that nobody sees, as the broker writes files: renameat2(2).
    private static func isExchange(_ first: InotifyEvent, _ second: InotifyEvent) -> Bool {
        first.has(IN_MOVED_TO) && second.has(IN_MOVED_FROM) && !first.isDirectory && !second.isDirectory
            && first.watch == second.watch && first.name == second.name
    }

    private init(_ first: InotifyEvent, _ second: InotifyEvent) {
        if first.has(IN_MOVED_FROM) {
            self = .moved(from: first.place, to: second.place, isDirectory: first.isDirectory)
        } else {
            self = .displaced(first.place)
        }
    }

    private init?(_ event: InotifyEvent) {
        if event.has(IN_IGNORED) {
            self = .forgotten(event.watch)
        } else if event.name.isEmpty {
            guard event.has(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) else { return nil }
            self = .gone(event.watch)
        } else if event.has(IN_CREATE | IN_MOVED_TO) {
            self = .appeared(event.place, isDirectory: event.isDirectory)
        } else if event.has(IN_MOVED_FROM), !event.isDirectory {
            self = .displaced(event.place)
        } else if event.has(IN_DELETE | IN_MOVED_FROM) {
            self = .vanished(event.place, isDirectory: event.isDirectory)
        } else if event.has(IN_MODIFY | IN_ATTRIB) {
            self = .modified(event.place, isDirectory: event.isDirectory)
        } else {
            return nil
        }
    }

    private static let mostBetween = 64
}

extension InotifyEvent {
    fileprivate var place: DirectoryEvent.Place { DirectoryEvent.Place(watch: watch, name: name) }
}
