internal import AgentBackend
internal import CLinux
internal import Glibc

/// A walk for what matches a pattern.
struct GlobWalk: WorkInTurns {
    private let pattern: GlobPattern
    private let options: GlobOptions
    private var walk: DirectoryWalk<GlobState>
    private var gathering: FilePageGathering

    init(_ pattern: GlobPattern, _ options: GlobOptions, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        self.pattern = pattern
        self.options = options
        gathering = FilePageGathering(options.room(files.limits.calls))
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
        var steps = 0
        while !turn.isOver(after: steps) {
            let told = options.withDetails ? 0 : tellPlain()
            steps = max(told, 1)
            if told > 0 {
                guard !gathering.isFull else { return end(after: gathering.last) }
                continue
            }
            let seen = walk.seen
            // Not of `self`: a second holder would have the walk copied at each step.
            let next = try walk.next(files.cancellation) { state, name, kind in
                pattern.isWanted(name, kind, at: state, options)
            }
            guard let entry = next else { return end(after: nil) }
            gathering.look(at: 1 + walk.seen - seen)
            if !entry.isBehind { tell(entry) }
            if entry.kind == .directory { try descend(into: entry) }
            guard !gathering.isFull || entry.isBehind else { return end(after: entry.path) }
        }
        return nil
    }

    private func end(after path: WorkspacePath?) -> FilePage {
        gathering.finished(next: path, skipped: walk.skipped)
    }

    private mutating func tell(_ entry: DirectoryWalk<GlobState>.Entry) {
        guard isTold(entry) else { return }
        let info = options.withDetails ? entry.directory.info(of: entry.name) : nil
        gathering.add(FoundFile(path: entry.path, kind: entry.kind, info: info))
    }

    /// Tells of some entries that need no further look, as far as there is room. Returns of how many.
    private mutating func tellPlain() -> Int {
        walk.takePlain(upTo: FileTurn.usualSteps, into: &gathering) { gathering, path, kind in
            gathering.look()
            gathering.add(FoundFile(path: path, kind: kind))
            return !gathering.isFull
        }
    }

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
