internal import AgentBackend
internal import CLinux
internal import Glibc

/// A walk for what matches a pattern.
struct GlobWalk: WorkInTurns {
    private let pattern: GlobPattern
    private let options: GlobOptions
    private var walk: DirectoryWalk<GlobState>
    private var found: FoundFiles

    init(_ pattern: GlobPattern, _ options: GlobOptions, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        self.pattern = pattern
        self.options = options
        found = FoundFiles(room: options.room(files.limits.calls))
        let base = try files.access.open(options.path, flags: UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory)
        walk = DirectoryWalk(
            base,
            at: options.path,
            pattern.start,
            only: pattern.onlyNames(at: pattern.start),
            after: options.after
        )
    }

    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> FilePage? {
        let (pattern, options) = (pattern, options)
        var done = 1
        while !turn.isOver(after: done) {
            let told = options.withDetails ? 0 : tellPlain()
            done = max(told, 1)
            guard told == 0 else {
                guard !found.room.isFull else { return end(after: found.page.files.last?.path) }
                continue
            }
            let seen = walk.seen
            // Not of `self`: a second holder would have the walk copied at each step.
            let next = try walk.next(files.cancellation) { state, name, kind in
                pattern.isWanted(name, kind, at: state, options)
            }
            guard let entry = next else { return end(after: nil) }
            found.room.look(at: 1 + walk.seen - seen)
            if !entry.isBehind { tell(entry) }
            if entry.kind == .directory { try descend(into: entry) }
            guard !found.room.isFull || entry.isBehind else { return end(after: entry.path) }
        }
        return nil
    }

    private mutating func end(after path: WorkspacePath?) -> FilePage {
        found.page.next = path
        found.page.skipped = walk.skipped
        return found.page
    }

    private mutating func tell(_ entry: DirectoryWalk<GlobState>.Entry) {
        guard isTold(entry) else { return }
        let info = options.withDetails ? entry.directory.info(of: entry.name) : nil
        found.add(FoundFile(path: entry.path, kind: entry.kind, info: info))
    }

    /// Tells of some entries that need no further look, as far as there is room. Returns of how many.
    private mutating func tellPlain() -> Int {
        walk.takePlain(upTo: Self.plainAtATime, into: &found) { found, path, kind in
            found.room.look()
            found.add(FoundFile(path: path, kind: kind))
            return !found.room.isFull
        }
    }

    /// So few that the clock is looked at often enough.
    private static let plainAtATime = 32

    /// Of what is no directory nothing but that makes it wanted.
    private func isTold(_ entry: DirectoryWalk<GlobState>.Entry) -> Bool {
        if entry.isKnownWanted, entry.kind != .directory { return true }
        return entry.withName { pattern.includes($0, entry.kind, at: entry.context, options) }
    }

    private mutating func descend(
        into entry: DirectoryWalk<GlobState>.Entry
    ) throws(DirectoryAccess.Failure) {
        let state = entry.withName {
            pattern.next($0, after: entry.context, includesHidden: options.includesHidden)
        }
        guard !state.isEmpty else { return }
        try walk.descend(into: entry, state, only: pattern.onlyNames(at: state))
    }
}

/// A page while it grows.
private struct FoundFiles: Sendable {
    var page = FilePage()
    var room: FilePageRoom

    mutating func add(_ file: FoundFile) {
        room.add(file.path)
        page.files.append(file)
    }
}

extension GlobPattern {
    /// Whatever is told of, and directories that may hold such.
    fileprivate func isWanted(
        _ name: UnsafeRawBufferPointer,
        _ kind: FileInfo.Kind?,
        at state: GlobState,
        _ options: GlobOptions
    ) -> Bool {
        if includes(name, kind, at: state, options) { return true }
        return kind == .directory && !next(name, after: state, includesHidden: options.includesHidden).isEmpty
    }
}
