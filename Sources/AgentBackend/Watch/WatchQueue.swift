internal import DequeModule

/// Changes that wait to be taken: bounded. Where there are too many all are dropped, and one
/// ``FileChange/Kind/overflow`` stands for them. A value.
package struct WatchQueue: Sendable {
    /// The watched directory.
    private let path: WorkspacePath
    private let capacity: Int
    private var changes: Deque<FileChange> = []
    private var bytes = 0
    /// What waits and ends so that a modification goes without saying.
    private var fresh: Set<WorkspacePath> = []
    /// Nil: nothing is missing. With how much of it was counted.
    private var missing: UInt64?

    /// - Parameter capacity: Changes; their paths may have 256 bytes each on average.
    package init(of path: WorkspacePath, capacity: Int) {
        self.path = path
        self.capacity = capacity
    }

    package var isEmpty: Bool { changes.isEmpty && missing == nil }

    package mutating func add(_ change: FileChange) {
        switch change.kind {
        case .modified:
            guard fresh.insert(change.path).inserted else { return }
        case .created:
            fresh.insert(change.path)
        case .removed, .moved, .overflow:
            fresh.remove(change.path)
            if let from = change.from { fresh.remove(from) }
        }
        guard changes.count < capacity, bytes + change.pathBytes <= capacity * 256 else { return overflow(1) }
        changes.append(change)
        bytes += change.pathBytes
    }

    /// Drops what waits: it and `count` other changes are missing.
    package mutating func overflow(_ count: UInt64) {
        missing = (missing ?? 0) &+ UInt64(changes.count) &+ count
        changes = []
        fresh = []
        bytes = 0
    }

    /// The first ones; empty where none waits.
    package mutating func take() -> [FileChange] {
        var taken: [FileChange] = []
        if let missing {
            taken.append(FileChange(.overflow, path, isDirectory: true, missing: missing))
            self.missing = nil
        }
        var room = Self.batchBytes
        while taken.count < Self.batchCount, room > 0, let change = changes.popFirst() {
            room -= change.pathBytes
            bytes -= change.pathBytes
            fresh.remove(change.path)
            taken.append(change)
        }
        return taken
    }

    private static let batchCount = 512
    private static let batchBytes = 32 << 10
}
