internal import AgentBackend
internal import CLinux
internal import Glibc

/// A walk that counts what it meets.
struct UsageWalk: WorkInTurns {
    /// Nil: what is counted is one file.
    private var walk: DirectoryWalk<Void>?
    private var usage = DiskUsage()
    /// Entries that may still be counted.
    private var rest: Int

    init(
        _ path: WorkspacePath,
        _ options: DiskUsageOptions,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        rest = options.mostEntries
        let status = try files.access.open(path, flags: linux_o_path).status()
        if options.after == nil { count(status, isTop: true) }
        guard status.kind == .directory else { return }
        try begin(at: path, after: options.after, files)
    }

    /// Of everything beneath the root, however much that is.
    init(ofAll files: LocalFiles) throws(DirectoryAccess.Failure) {
        rest = .max
        try begin(at: .root, after: nil, files)
    }

    private mutating func begin(
        at path: WorkspacePath,
        after: WorkspacePath?,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        let base = try files.access.open(path, flags: UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory)
        walk = DirectoryWalk(base, at: path, (), after: after)
    }

    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> DiskUsage? {
        while !turn.isOver() {
            guard let entry = try walk?.next(files.cancellation, { _, _, _ in true }) else { return finish(next: nil) }
            if entry.kind == .directory { try walk?.descend(into: entry, ()) }
            guard !entry.isBehind else { continue }
            // Nil: it vanished, or the directory may be listed but not entered.
            if let status = (try? entry.directory.status(of: entry.name)) ?? nil { count(status, isTop: false) }
            rest -= 1
            if rest == 0 { return finish(next: entry.path) }
        }
        return nil
    }

    private func finish(next: WorkspacePath?) -> DiskUsage {
        var usage = usage
        usage.next = next
        usage.skipped = walk?.skipped ?? 0
        return usage
    }

    private mutating func count(_ status: Glibc.stat, isTop: Bool) {
        guard status.kind != .directory else {
            if !isTop { usage.directories += 1 }
            return
        }
        usage.files += 1
        guard status.kind == .regular else { return }
        usage.bytes += UInt64(clamping: status.st_size)
        usage.allocatedBytes += status.allocatedBytes
    }
}
