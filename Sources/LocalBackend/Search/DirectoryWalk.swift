internal import AgentBackend
internal import Glibc

/// Walks a tree in the order of names, one after the other: "a", "a/x", "a.txt". Goes by descriptors and follows no
/// link, so that nothing outside is listed whatever is swapped in meanwhile. A value that is driven from outside, entry
/// by entry, and may rest in between; what changes meanwhile may be met or not.
///
/// Memory and descriptors are bounded, whatever the tree is: of a large directory some names are kept at a time, and it
/// is read again for the next ones; of a deep tree some directories are kept open, and the others are found again by
/// their names from the top.
struct DirectoryWalk<Context: Sendable>: Sendable {
    struct Entry: Sendable {
        let kind: FileInfo.Kind?
        /// As seen from the root.
        let path: WorkspacePath
        fileprivate let nameLength: Int
        /// The directory that it is in.
        let directory: FileDescriptorHandle
        /// Of that directory.
        let context: Context
        /// It comes before the place that the walk goes on from, or is that: what is in it may still be of interest.
        let isBehind: Bool
        /// ``next(_:_:)`` was told that it is wanted; of what is found by its very name it does not ask.
        let isKnownWanted: Bool

        var name: [UInt8] { Array(path.bytes.suffix(nameLength)) }

        /// Hands over the name, which is good for as long as `body` runs.
        func withName<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
            path.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0.suffix(nameLength))) }
        }
    }

    private struct Level: Sendable {
        let name: [UInt8]
        let path: WorkspacePath
        let context: Context
        /// Nil: it was closed to make room, and is opened again when it is needed.
        var directory: FileDescriptorHandle?
        var names = NamedEntries()
        /// Of ``names``, the one that comes next.
        var next = 0
        /// It was asked of them whether they are wanted.
        var areKnownWanted = false
        /// There are more in the directory, after this one.
        var rest: ListStart?
        /// Where to go on from in here: the names of it that lie below this directory.
        var trail: ArraySlice<[UInt8]>

        var isAtEnd: Bool { next == names.count }

        /// The next one. Nil: its path is too long to be named.
        func entry(in directory: FileDescriptorHandle) -> Entry? {
            names.withName(at: next) { name in
                guard let path = path.appending(name: name) else { return nil }
                return Entry(
                    kind: names.kind(at: next),
                    path: path,
                    nameLength: name.count,
                    directory: directory,
                    context: context,
                    isBehind: trail.first.map { name.elementsEqual($0) } ?? false,
                    isKnownWanted: areKnownWanted
                )
            }
        }
    }

    private var levels: [Level] = []
    private var openLevels = 0
    private var keptNames = 0
    /// What was left out as it could not be read, or named.
    private(set) var skipped: UInt64 = 0
    /// Names that directories told of, kept or not.
    private(set) var seen = 0

    /// - Parameters:
    ///   - base: The directory to walk through, open to be read, and
    ///   - path: where it is, as seen from the root.
    ///   - names: The only ones in it that are of interest. Nil: all.
    ///   - after: Where to go on from, beneath `path`; nil: from the start.
    init(
        _ base: FileDescriptorHandle,
        at path: WorkspacePath,
        _ context: Context,
        only names: [[UInt8]]? = nil,
        after: WorkspacePath?
    ) {
        let trail = after?.relative(to: path)?.bytes.split(separator: UInt8(ascii: "/")).map(Array.init) ?? []
        enter(Level(name: [], path: path, context: context, directory: base, trail: trail[...]), only: names)
    }

    /// The next entry; nil: there are no more.
    ///
    /// - Parameter isWanted: Whether an entry is to be kept at all, of a directory with this context.
    mutating func next(
        _ cancellation: FileCancellation,
        _ isWanted: (Context, UnsafeRawBufferPointer, FileInfo.Kind?) -> Bool
    ) throws(DirectoryAccess.Failure) -> Entry? {
        while let index = levels.indices.last {
            guard !levels[index].isAtEnd else {
                if levels[index].rest != nil {
                    try list(index, cancellation, isWanted)
                } else {
                    leave()
                }
                continue
            }
            guard let directory = try directory(index) else {
                leave()
                continue
            }
            let entry = levels[index].entry(in: directory)
            step(index)
            guard let entry else {
                skipped += 1
                continue
            }
            return entry
        }
        return nil
    }

    /// Hands over entries that are at hand, were said to be wanted, and are neither directories nor behind: most of a
    /// tree, for which nothing of an ``Entry`` but the path need be made. They are told of even where their directory has
    /// gone since. Returns how many there were; 0: ask ``next(_:_:)``.
    ///
    /// - Parameters:
    ///   - limit: At most so many.
    ///   - sink: What `add` adds them to.
    ///   - add: Returns whether more are wanted.
    mutating func takePlain<Sink>(
        upTo limit: Int,
        into sink: inout Sink,
        _ add: (inout Sink, WorkspacePath, FileInfo.Kind?) -> Bool
    ) -> Int {
        guard let index = levels.indices.last, levels[index].areKnownWanted, levels[index].trail.isEmpty else {
            return 0
        }
        // Taken out once: the level itself would be copied for each entry.
        let (names, path, first) = (levels[index].names, levels[index].path, levels[index].next)
        var next = first
        while next < min(names.count, first + limit), names.kind(at: next) != .directory,
            let found = names.withName(at: next, { path.appending(name: $0) })
        {
            let kind = names.kind(at: next)
            next += 1
            guard add(&sink, found, kind) else { break }
        }
        levels[index].next = next
        if next > first, levels[index].isAtEnd { forgetNames(of: index) }
        return next - first
    }

    /// Goes on to the next name of a level.
    private mutating func step(_ index: Int) {
        levels[index].next += 1
        // The level may stay for long, as what is in its last entry comes next.
        if levels[index].isAtEnd { forgetNames(of: index) }
    }

    /// Goes on with what is in a directory that ``next(_:_:)`` has just returned.
    ///
    /// - Parameter names: The only ones of interest. Nil: all.
    mutating func descend(
        into entry: Entry,
        _ context: Context,
        only names: [[UInt8]]? = nil
    ) throws(DirectoryAccess.Failure) {
        guard let index = levels.indices.last else { return }
        let child: FileDescriptorHandle
        do throws(DirectoryAccess.Failure) {
            child = try entry.directory.open(entry.name, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        } catch {
            return try skip(error)
        }
        let trail = entry.isBehind ? levels[index].trail.dropFirst() : []
        enter(
            Level(name: entry.name, path: entry.path, context: context, directory: child, trail: trail),
            only: names
        )
    }

    private mutating func enter(_ level: Level, only names: [[UInt8]]?) {
        var level = level
        let first = level.trail.first ?? []
        if let names, let directory = level.directory {
            level.names = Self.found(names.filter { !$0.lexicographicallyPrecedes(first) }, in: directory)
            keptNames += level.names.count
            seen += names.count
        } else {
            level.rest = .from(first)
        }
        levels.append(level)
        openLevels += 1
        makeRoom()
    }

    private static func found(_ names: [[UInt8]], in directory: FileDescriptorHandle) -> NamedEntries {
        var found = NamedEntries()
        for name in names where name.count <= WorkspacePath.maximumNameLength {
            guard let info = directory.info(of: name) else { continue }
            name.withUnsafeBytes { found.append($0, info.kind) }
        }
        found.sort()
        return found
    }

    private mutating func list(
        _ index: Int,
        _ cancellation: FileCancellation,
        _ isWanted: (Context, UnsafeRawBufferPointer, FileInfo.Kind?) -> Bool
    ) throws(DirectoryAccess.Failure) {
        guard let start = levels[index].rest else { return }
        levels[index].rest = nil
        guard let directory = try directory(index) else { return }
        forgetNames(of: index)
        let room = keptNames < Self.manyNames ? Self.namesAtATime : Self.fewNames
        var smallest = SmallestEntries(capacity: room, start)
        let context = levels[index].context
        do throws(DirectoryAccess.Failure) {
            if case .after = start { lseek(directory.number, 0, SEEK_SET) }
            try directory.forEachEntry(cancellation) { name, type throws(DirectoryAccess.Failure) in
                seen += 1
                guard smallest.takes(name) else { return }
                let kind = directory.kind(of: name, type)
                if isWanted(context, name, kind) { smallest.insert(name, kind) }
            }
        } catch {
            try skip(error)
        }
        let isTruncated = smallest.finish()
        if isTruncated, let last = smallest.entries.last { levels[index].rest = .after(last.name) }
        keptNames += smallest.entries.count
        levels[index].names = smallest.entries
        levels[index].areKnownWanted = true
    }

    private mutating func forgetNames(of index: Int) {
        keptNames -= levels[index].names.count
        levels[index].names = NamedEntries()
        levels[index].next = 0
    }

    private mutating func leave() {
        if let level = levels.popLast() {
            keptNames -= level.names.count
            if level.directory != nil { openLevels -= 1 }
        }
    }

    /// The directory of a level, opened again where it was closed. Nil: it is not where it was.
    private mutating func directory(_ index: Int) throws(DirectoryAccess.Failure) -> FileDescriptorHandle? {
        if let directory = levels[index].directory { return directory }
        guard let top = levels[0].directory else { return nil }
        do throws(DirectoryAccess.Failure) {
            let directory = try top.descend(levels[1...index].map(\.name), flags: O_RDONLY | O_NONBLOCK)
            levels[index].directory = directory
            openLevels += 1
            return directory
        } catch {
            try skip(error)
            return nil
        }
    }

    /// Closes what lies furthest up, but for the top, which is not found again by its name.
    private mutating func makeRoom() {
        guard openLevels > Self.mostOpen else { return }
        guard let index = levels.indices.dropFirst().first(where: { levels[$0].directory != nil }) else { return }
        levels[index].directory = nil
        openLevels -= 1
    }

    /// What vanished or became something else is not there; what may not be read is counted. Throws what ends it all.
    private mutating func skip(_ failure: DirectoryAccess.Failure) throws(DirectoryAccess.Failure) {
        switch failure {
        case .errno(ENOENT), .errno(ENOTDIR), .errno(ELOOP): return
        case .errno(EMFILE), .errno(ENFILE): throw failure
        case .errno: skipped += 1
        default: throw failure
        }
    }

    private static var mostOpen: Int { 32 }
    private static var namesAtATime: Int { 16_384 }
    /// When so many are kept, no more than a few of each further directory are.
    private static var manyNames: Int { 65_536 }
    private static var fewNames: Int { 64 }
}

extension FileDescriptorHandle {
    /// Of a name in this directory, which says that it is of this type. Some file systems do not tell.
    func kind(of name: UnsafeRawBufferPointer, _ type: UInt8) -> FileInfo.Kind? {
        switch Int(type) {
        case Int(DT_REG): .regular
        case Int(DT_DIR): .directory
        case Int(DT_LNK): .symbolicLink
        case Int(DT_FIFO): .fifo
        case Int(DT_SOCK): .socket
        case Int(DT_CHR): .characterDevice
        case Int(DT_BLK): .blockDevice
        default: info(of: Array(name))?.kind
        }
    }
}
