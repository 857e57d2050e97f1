internal import AgentBackend
internal import CLinux
internal import Glibc

/// A walk for files with lines that match.
struct GrepWalk: WorkInTurns {
    private let pattern: GrepPattern
    private let options: GrepOptions
    /// Nil: what is searched is a file.
    private var walk: DirectoryWalk<Void>?
    /// The file that is searched right now.
    private var file: SearchedFile?
    private var gathering: GrepGathering
    /// Files that could not be read.
    private var skipped: UInt64 = 0

    private struct SearchedFile: Sendable {
        let path: WorkspacePath
        var lines: SearchedLines
        var search: LineSearch
    }

    init(_ pattern: GrepPattern, _ options: GrepOptions, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        self.pattern = pattern
        self.options = options
        gathering = GrepGathering(options, files.limits.calls)
        let base = try files.access.open(options.path, flags: UInt64(O_RDONLY | O_NONBLOCK | O_NOCTTY))
        switch try base.status().kind {
        case .directory:
            walk = DirectoryWalk(base, at: options.path, (), after: options.after)
        case .regular:
            let search = gathering.search(pattern, options)
            file = SearchedFile(path: options.path, lines: try SearchedLines(base), search: search)
        default:
            throw .errno(ENXIO)
        }
    }

    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> GrepPage? {
        let matcher = LineMatcher(pattern, maximumSteps: files.limits.calls.maximumGrepSteps)
        var buffer = ReadBuffer(capacity: pattern.isRegularExpression ? 64 << 10 : 256 << 10)
        while true {
            if file != nil {
                if let page = try goOn(matcher, &buffer) { return page }
            } else if let page = try next(files) {
                return page
            }
            // One line may take as long as thousands of others.
            if turn.isOver(each: pattern.isRegularExpression ? 1 : 8) { return nil }
        }
    }

    /// Searches the next piece of the file.
    private mutating func goOn(
        _ matcher: LineMatcher,
        _ buffer: inout ReadBuffer
    ) throws(DirectoryAccess.Failure) -> GrepPage? {
        guard var current = file else { return nil }
        file = nil
        do throws(DirectoryAccess.Failure) {
            let isLast = try current.lines.read(into: &buffer) { current.search.add($0, matcher) }
            if !isLast, !current.search.isDone {
                file = current
                return nil
            }
        } catch .errno {
            skipped += 1
        }
        guard gathering.add(current.search, of: current.path) else { return finish(next: gathering.lastPath) }
        guard walk != nil else { return finish() }
        return gathering.isFull ? finish(next: current.path) : nil
    }

    /// Goes on to the next file, or into a directory.
    private mutating func next(_ files: LocalFiles) throws(DirectoryAccess.Failure) -> GrepPage? {
        guard let seen = walk?.seen else { return finish() }
        let options = options
        guard let entry = try walk?.next(files.cancellation, { _, name, kind in options.looks(at: name, kind) }) else {
            return finish()
        }
        gathering.look(at: 1 + (walk?.seen ?? seen) - seen)
        let isDirectory = entry.kind == .directory
        if let inner = entry.path.relative(to: options.path), options.searches(inner, isDirectory: isDirectory) {
            if isDirectory {
                try walk?.descend(into: entry, ())
            } else if !entry.isBehind {
                try open(entry)
            }
        }
        return file == nil && gathering.isFull && !entry.isBehind ? finish(next: entry.path) : nil
    }

    private mutating func open(_ entry: DirectoryWalk<Void>.Entry) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            let descriptor = try entry.directory.open(entry.name, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
            guard try descriptor.status().kind == .regular else { return }
            let search = gathering.search(pattern, options)
            file = SearchedFile(path: entry.path, lines: try SearchedLines(descriptor), search: search)
        } catch .errno(let number) {
            switch number {
            // It vanished, or something else took its place.
            case ENOENT, ELOOP, ENXIO, ENOTDIR: return
            case EMFILE, ENFILE: throw .errno(number)
            default: skipped += 1
            }
        }
    }

    private mutating func finish(next: WorkspacePath? = nil) -> GrepPage {
        gathering.finish(next: next, skipped: skipped + (walk?.skipped ?? 0))
    }
}
