import CLinux
import Glibc

/// Removes trees that untrusted programs made: with links to anywhere, without permissions, with names that are
/// no text, deeper than any path is long or any stack reaches.
///
/// Everything to be removed is first moved into a pit, a directory of the broker's own. A directory in the pit
/// that has directories in it is not descended into: those are moved into the pit as well, where the next pass
/// finds them. So no more than three descriptors are open whatever the depth, every call names one entry of a
/// directory that is open, and nothing follows a link. What a crash leaves in the pit the next run removes.
///
/// Blocks for as long as it takes: not for an event loop.
struct TreeRemoval {
    private(set) var report = SweepReport()
    private let pit: CInt
    /// Entries that may still be looked at. The files' owner may add more while they are being removed.
    private var allowance: Int

    /// - Parameters:
    ///   - pit: the open directory; stays the caller's.
    ///   - limit: entries after which to stop; the rest stays in the pit.
    init(emptying pit: CInt, limit: Int = 50_000_000) {
        self.pit = pit
        allowance = limit
    }

    /// Moves an entry of another directory into the pit. False, and nothing done, where there is none.
    static func move(_ name: String, in directory: CInt, to pit: CInt) throws(SystemFailure) -> Bool {
        let number = moveIntoPit(name, from: directory, pit: pit)
        if number == ENOENT { return false }
        guard number == 0 else { throw SystemFailure("rename", name, errno: number) }
        return true
    }

    /// Removes all that is in the pit, as far as it goes, or until `isStopped`.
    mutating func run(isStopped: () -> Bool = { false }) throws(SystemFailure) {
        while allowance > 0 {
            let names = try namesInPit()
            let before = allowance
            report.left = 0
            for name in names {
                if allowance > 0, !isStopped() {
                    removeFromPit(name, isStopped: isStopped)
                } else {
                    report.left += 1
                }
            }
            // Looked at, but neither removed nor moved: the next pass would fare no better.
            if names.isEmpty || report.left >= before - allowance { return }
        }
    }

    private func namesInPit() throws(SystemFailure) -> [[CChar]] {
        var names: [[CChar]] = []
        var entries = try DirectoryStream(try OwnedDescriptor.directory(".", in: pit), path: "the pit")
        while let name = entries.next({ Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }) {
            names.append(name)
        }
        return names
    }

    private mutating func removeFromPit(_ name: [CChar], isStopped: () -> Bool) {
        guard remove(name, in: pit) == ENOTEMPTY else { return }
        hollowOut(name, isStopped: isStopped)
        if unlinkat(pit, name, AT_REMOVEDIR) == 0 {
            report.removed += 1
        } else {
            note(errno)
        }
    }

    /// Removes the files and empty directories of a directory in the pit, and moves its other directories out.
    private mutating func hollowOut(_ name: [CChar], isStopped: () -> Bool) {
        guard var entries = open(name) else { return }
        let directory = entries.descriptor
        while allowance > 0, !isStopped() {
            let number: CInt? = entries.next { entry in
                let number = remove(entry, in: directory)
                return number == ENOTEMPTY ? Self.moveIntoPit(entry, from: directory, pit: pit) : 0
            }
            guard let number else { return }
            if number != 0, number != ENOENT { note(number) }
        }
    }

    private func open(_ name: [CChar]) -> DirectoryStream? {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var raw = openat(pit, name, flags)
        if raw < 0, errno == EACCES, Self.unlock(name, in: pit) { raw = openat(pit, name, flags) }
        guard raw >= 0 else { return nil }
        // Whoever is not root needs these permissions to remove what is inside. Where this fails, so will that.
        fchmod(raw, 0o700)
        return try? DirectoryStream(OwnedDescriptor(adopting: raw), path: "the pit")
    }

    /// Removes an entry that is no directory with something in it: ENOTEMPTY for that, any other failure is noted.
    private mutating func remove(_ name: UnsafePointer<CChar>, in directory: CInt) -> CInt {
        allowance -= 1
        var number = unlinkat(directory, name, 0) == 0 ? 0 : errno
        if number == EISDIR {
            number = unlinkat(directory, name, AT_REMOVEDIR) == 0 ? 0 : errno
        }
        switch number {
        case 0: report.removed += 1
        case ENOENT, ENOTEMPTY: break
        default: note(number)
        }
        return number
    }

    private mutating func note(_ number: CInt) {
        report.left += 1
        report.lastErrno = number
    }

    /// Moves an entry into the pit under a name that nobody else uses. The errno, 0 for done.
    private static func moveIntoPit(_ name: UnsafePointer<CChar>, from directory: CInt, pit: CInt) -> CInt {
        var number: CInt = 0
        var mayUnlock = true
        for _ in 0..<8 {
            let target = Hexadecimal.random(bytes: 8)
            number = renameat(directory, name, pit, target) == 0 ? 0 : errno
            switch number {
            case EEXIST, ENOTEMPTY, ENOTDIR, EISDIR:
                // The name is taken: try another.
                continue
            case EACCES where mayUnlock:
                // A directory gets another parent: that takes the permission to write to it.
                mayUnlock = false
                guard unlock(name, in: directory) else { return number }
            default:
                return number
            }
        }
        return number
    }

    /// Gives its owner all permissions of a directory, and of nothing that a link in its place leads to.
    private static func unlock(_ name: UnsafePointer<CChar>, in directory: CInt) -> Bool {
        let raw = openat(directory, name, CInt(linux_o_path) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard raw >= 0 else { return false }
        let locked = OwnedDescriptor(adopting: raw)
        return chmod(locked.procPath, 0o700) == 0
    }
}
