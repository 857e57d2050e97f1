internal import Glibc
internal import Synchronization

/// Locks of files, for all backends of this process: one per thing that is locked, for as long as somebody holds it or
/// waits for it. Safe to use from any thread; a wait cannot be cancelled.
///
/// Whoever takes both takes the one of the name first.
final class FileLocks: Sendable {
    static let shared = FileLocks()

    enum Key: Hashable {
        /// A name in a directory: what is there is replaced, added to or renamed by one at a time.
        case name([UInt8], device: dev_t, directory: ino_t)
        /// What a file holds, whatever names it has: added to by one at a time.
        case contents(device: dev_t, inode: ino_t)
    }

    private let locks = Mutex<[Key: Entry]>([:])

    private struct Entry {
        let lock = Lock()
        var users = 0
    }

    private final class Lock: Sendable {
        let mutex = Mutex(())
    }

    func withLock<Value>(
        _ key: Key,
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        let lock = locks.withLock { locks in
            var entry = locks[key] ?? Entry()
            entry.users += 1
            locks[key] = entry
            return entry.lock
        }
        defer {
            locks.withLock { locks in
                locks[key]?.users -= 1
                if locks[key]?.users == 0 { locks[key] = nil }
            }
        }
        return try lock.mutex.withLock { _ throws(DirectoryAccess.Failure) in try body() }
    }

    /// Both, which all who need two take in one order. One that is both is taken once.
    func withLocks<Value>(
        _ first: Key,
        _ second: Key,
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        guard first != second else { return try withLock(first, body) }
        let (outer, inner) = first.precedes(second) ? (first, second) : (second, first)
        return try withLock(outer) { () throws(DirectoryAccess.Failure) in try withLock(inner, body) }
    }

    /// How many hold it or wait for it.
    func users(of key: Key) -> Int { locks.withLock { $0[key]?.users ?? 0 } }
}

extension FileLocks.Key {
    /// Of two that differ, whether this one is taken first.
    fileprivate func precedes(_ other: Self) -> Bool {
        switch (self, other) {
        case (.name(let name, let device, let directory), .name(let otherName, let otherDevice, let otherDirectory)):
            guard (device, directory) == (otherDevice, otherDirectory) else {
                return (device, directory) < (otherDevice, otherDirectory)
            }
            return name.lexicographicallyPrecedes(otherName)
        case (.contents(let device, let inode), .contents(let otherDevice, let otherInode)):
            return (device, inode) < (otherDevice, otherInode)
        case (.name, .contents): return true
        case (.contents, .name): return false
        }
    }
}

extension Glibc.stat {
    var contentsLock: FileLocks.Key { .contents(device: st_dev, inode: st_ino) }
}
