import Glibc

/// Where an org's files go that are to be removed: `.trash` in its directory, and in there a pit for each removal, so
/// that none waits for the files of another. What a crash leaves in it ``emptyAll()`` finds.
struct Trash: ~Copyable {
    private static let name = ".trash"
    private let directory: OwnedDescriptor

    /// Opens an org's trash, made where it is missing.
    init(of org: borrowing OwnedDescriptor) throws(SystemFailure) {
        if mkdirat(org.raw, Self.name, 0o700) != 0, errno != EEXIST { throw SystemFailure("mkdir", Self.name) }
        directory = try OwnedDescriptor.directory(Self.name, in: org.raw)
    }

    /// Moves those of the entries that there are into a new pit: they are gone from their place at once, however much
    /// is in them. The pit's name; nil, and no pit, where there are none.
    func setAside(_ entries: [String], in parent: borrowing OwnedDescriptor) throws(SystemFailure) -> String? {
        try lock(LOCK_SH)
        defer { flock(directory.raw, LOCK_UN) }
        let name = Hexadecimal.random(bytes: 8)
        try SystemFailure.check("mkdir", name) { mkdirat(directory.raw, name, 0o700) }
        // Empty, where nothing was moved; else this fails.
        defer { unlinkat(directory.raw, name, AT_REMOVEDIR) }
        let pit = try OwnedDescriptor.directory(name, in: directory.raw)
        var isUsed = false
        for entry in entries where try TreeRemoval.move(entry, in: parent.raw, to: pit.raw) { isUsed = true }
        return isUsed ? name : nil
    }

    /// Removes a pit and all that is in it, as far as it goes.
    func empty(_ name: String, isStopped: () -> Bool = { false }) throws(SystemFailure) -> SweepReport {
        let pit = try OwnedDescriptor.directory(name, in: directory.raw)
        var removal = TreeRemoval(emptying: pit.raw)
        try removal.run(isStopped: isStopped)
        // One that is empty may have been made just now, for what is about to be moved there.
        try lock(LOCK_EX)
        defer { flock(directory.raw, LOCK_UN) }
        unlinkat(directory.raw, name, AT_REMOVEDIR)
        return removal.report
    }

    /// Shared by those that fill pits, and had alone by who removes one: a file that is moved into a pit which is gone
    /// would look like one that was never there.
    private func lock(_ operation: CInt) throws(SystemFailure) {
        while flock(directory.raw, operation) != 0 {
            guard errno == EINTR else { throw SystemFailure("flock", Self.name) }
        }
    }

    /// Removes all pits. One that fails is counted as left.
    func emptyAll(isStopped: () -> Bool) throws(SystemFailure) -> SweepReport {
        var report = SweepReport()
        var names = try DirectoryStream(try OwnedDescriptor.directory(".", in: directory.raw), path: Self.name)
        while !isStopped(), let name = names.next({ String(cString: $0) }) {
            do {
                report.add(try empty(name, isStopped: isStopped))
            } catch {
                report.add(SweepReport(left: 1, lastErrno: error.errno))
            }
        }
        return report
    }
}
