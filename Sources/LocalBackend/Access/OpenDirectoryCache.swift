internal import Synchronization

/// The directories that local backends keep open between operations: at most ``capacity`` of them, of all backends that
/// share it. Beyond that one that was not used lately is closed, and opened anew at its next use. Safe to use from any
/// thread.
///
/// What an operation works on right now is closed when that ends, and does not count.
package final class OpenDirectoryCache: Sendable {
    /// Descriptors.
    package let capacity: Int
    private let places: Mutex<Places>

    package init(capacity: Int = 1024) {
        self.capacity = max(1, capacity)
        places = Mutex(Places())
    }

    /// Descriptors that are kept open now.
    package var count: Int { places.withLock { $0.count } }

    /// Keeps `opened` open for `directory`; returns what is open for it already, where something is. Nil: it was
    /// destroyed.
    func keep(_ opened: FileDescriptorHandle, for directory: CachedDirectory) -> FileDescriptorHandle? {
        let (kept, _) = places.withLock { places -> (FileDescriptorHandle?, evicted: FileDescriptorHandle?) in
            guard !directory.isDestroyed else { return (nil, nil) }
            if let first = directory.descriptor { return (first, nil) }
            let evicted = places.count < capacity ? nil : places.evict()
            places.add(directory)
            directory.change(to: opened)
            // Closed after the lock was let go.
            return (opened, evicted)
        }
        return kept
    }

    /// Closes what is open for `directory`, where it is `descriptor`; nil: whatever it is.
    func close(_ directory: CachedDirectory, _ descriptor: FileDescriptorHandle? = nil) {
        _ = places.withLock { places -> FileDescriptorHandle? in
            guard let present = directory.descriptor, descriptor == nil || descriptor === present else { return nil }
            places.remove(directory)
            return directory.change(to: nil)
        }
    }

    /// Closes what is open for `directory`, for good.
    func destroy(_ directory: CachedDirectory) {
        _ = places.withLock { places -> FileDescriptorHandle? in
            directory.markDestroyed()
            guard directory.descriptor != nil else { return nil }
            places.remove(directory)
            return directory.change(to: nil)
        }
    }
}

/// One directory's place in an ``OpenDirectoryCache``: its descriptor while it is open. It changes only under the
/// cache's lock; its own lock lets it be used without that one.
final class CachedDirectory: Sendable {
    private let state = Mutex(FileDescriptorHandle?.none)
    /// Since the cache looked at it last.
    private let wasUsed = Atomic<Bool>(false)
    private let destroyed = Atomic<Bool>(false)

    var descriptor: FileDescriptorHandle? { state.withLock { $0 } }

    var isDestroyed: Bool { destroyed.load(ordering: .relaxed) }

    /// The descriptor where it is open, which it is the likelier to stay.
    func use() -> FileDescriptorHandle? {
        guard let descriptor else { return nil }
        // Mostly set already: a load leaves the line in the caches of all processors.
        if !wasUsed.load(ordering: .relaxed) { wasUsed.store(true, ordering: .relaxed) }
        return descriptor
    }

    /// Returns what was open before.
    @discardableResult
    fileprivate func change(to descriptor: FileDescriptorHandle?) -> FileDescriptorHandle? {
        state.withLock { state in
            defer { state = descriptor }
            return state
        }
    }

    fileprivate func markDestroyed() {
        destroyed.store(true, ordering: .relaxed)
    }

    /// Whether it was used since this was asked last.
    fileprivate func takeUse() -> Bool { wasUsed.exchange(false, ordering: .relaxed) }
}

/// Who is open, in a circle that a hand goes around: what was used since the hand came by last is passed over once.
private struct Places {
    private var circle: [CachedDirectory?] = []
    private var vacant: [Int] = []
    private var placeOf: [ObjectIdentifier: Int] = [:]
    private var hand = 0

    var count: Int { placeOf.count }

    mutating func add(_ directory: CachedDirectory) {
        let place: Int
        if let reused = vacant.popLast() {
            place = reused
            circle[place] = directory
        } else {
            place = circle.count
            circle.append(directory)
        }
        placeOf[ObjectIdentifier(directory)] = place
    }

    mutating func remove(_ directory: CachedDirectory) {
        guard let place = placeOf.removeValue(forKey: ObjectIdentifier(directory)) else { return }
        circle[place] = nil
        vacant.append(place)
    }

    /// Takes one out, and returns what was open for it.
    mutating func evict() -> FileDescriptorHandle? {
        // After two rounds all are in use all the time, and any will do.
        for step in 0..<3 * circle.count {
            let place = hand
            hand = (hand + 1) % circle.count
            guard let directory = circle[place] else { continue }
            guard step >= 2 * circle.count || !directory.takeUse() else { continue }
            remove(directory)
            return directory.change(to: nil)
        }
        return nil
    }
}
