internal import AgentBackend
internal import CLinux
internal import Glibc

/// A walk that tells of what it meets.
struct TreeWalk: WorkInTurns {
    private let options: TreeOptions
    /// Each directory with how many levels it lies below the first.
    private var walk: DirectoryWalk<Int>
    private var gathering: FilePageGathering

    init(_ options: TreeOptions, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        self.options = options
        gathering = FilePageGathering(options.room(files.limits.calls))
        let base = try files.access.open(options.path, flags: UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory)
        walk = DirectoryWalk(base, at: options.path, 0, after: options.after)
    }

    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> FilePage? {
        let options = options
        while !turn.isOver() {
            let seen = walk.seen
            let next = try walk.next(files.cancellation) { _, name, kind in
                options.looks(at: name, isDirectory: kind == .directory)
            }
            guard let entry = next else { return end(after: nil) }
            gathering.look(at: 1 + walk.seen - seen)
            let isDirectory = entry.kind == .directory
            if let inner = entry.path.relative(to: options.path), !options.excludes(inner, isDirectory: isDirectory) {
                if !entry.isBehind { tell(entry) }
                let level = entry.context + 1
                if isDirectory, options.tellsOfContents(at: level) { try walk.descend(into: entry, level) }
            }
            if gathering.isFull, !entry.isBehind { return end(after: entry.path) }
        }
        return nil
    }

    private mutating func tell(_ entry: DirectoryWalk<Int>.Entry) {
        let info = options.withDetails ? entry.directory.info(of: entry.name) : nil
        gathering.add(FoundFile(path: entry.path, kind: entry.kind, info: info))
    }

    private func end(after path: WorkspacePath?) -> FilePage {
        gathering.finished(next: path, skipped: walk.skipped)
    }
}
