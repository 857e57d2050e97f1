import NIOCore

/// What a memory backend holds: keys that look like paths, and their bytes. Directories are what the keys imply.
struct MemoryStore {
    struct File {
        var contents: ByteBuffer
        var modifiedNanoseconds: Int64
        var permissions: UInt32
        var etag: Etag

        var info: FileInfo {
            FileInfo(
                kind: .regular,
                size: UInt64(contents.readableBytes),
                modifiedNanoseconds: modifiedNanoseconds,
                permissions: permissions,
                etag: etag
            )
        }
    }

    /// Of this store among all, and of the last change in it: together they name a version like no other.
    private let identity = UInt64.random(in: 0 ... .max)
    private var lastChange: UInt64 = 0

    private var files: [[UInt8]: File] = [:]
    /// The keys of `files`, sorted name by name: a key, then all below it, then the next name. So what lies below a
    /// path is one run, and the names in it come in their own order.
    private var sortedKeys: [[UInt8]] = []

    /// What changed since ``takeChanges()``, where somebody wants to know.
    private var changes: [Change]?

    enum Change {
        case created([UInt8])
        case modified([UInt8])
        case removed([UInt8])
        case moved(from: [UInt8], to: [UInt8])
    }

    /// What the keys count for against a budget.
    private(set) var cost = 0

    /// What a key counts for: its contents, its name and what is kept besides, so that empty keys are bounded too.
    static func cost(ofKey key: [UInt8], contents: Int) -> Int { contents + key.count + 128 }

    subscript(key: [UInt8]) -> File? { files[key] }

    /// What is at a path: a file, or a directory where keys lie below it or it is the root of the store.
    func info(at path: [UInt8]) -> FileInfo? {
        if let file = files[path] { return file.info }
        guard path.isEmpty || hasKeys(below: path) else { return nil }
        return FileInfo(kind: .directory, size: 0, modifiedNanoseconds: 0, permissions: 0o755)
    }

    /// For a version that is about to be made.
    mutating func makeEtag() -> Etag {
        lastChange += 1
        return Etag(identity, lastChange)
    }

    mutating func set(_ key: [UInt8], to file: File) {
        let new = Self.cost(ofKey: key, contents: file.contents.readableBytes)
        if let old = files.updateValue(file, forKey: key) {
            cost += new - Self.cost(ofKey: key, contents: old.contents.readableBytes)
            changes?.append(.modified(key))
        } else {
            changes?.append(.created(key))
            sortedKeys.insert(key, at: firstIndex(notBefore: key))
            cost += new
        }
    }

    /// Sets keys that all are at or below `path`, and sorted as those of the store are. Takes time in proportion to the
    /// keys there, however many are set.
    mutating func set(_ new: [(key: [UInt8], file: File)], atOrBelow path: [UInt8]) {
        let run = indices(atOrBelow: path)
        var merged: [[UInt8]] = []
        merged.reserveCapacity(run.count + new.count)
        var index = run.lowerBound
        for (key, file) in new {
            while index < run.upperBound, Self.precedes(sortedKeys[index], key) {
                merged.append(sortedKeys[index])
                index += 1
            }
            if index < run.upperBound, sortedKeys[index] == key { index += 1 }
            merged.append(key)
            cost += Self.cost(ofKey: key, contents: file.contents.readableBytes)
            if let old = files.updateValue(file, forKey: key) {
                cost -= Self.cost(ofKey: key, contents: old.contents.readableBytes)
                changes?.append(.modified(key))
            } else {
                changes?.append(.created(key))
            }
        }
        merged += sortedKeys[index..<run.upperBound]
        sortedKeys.replaceSubrange(run, with: merged)
    }

    /// Gives a key and all below it another name, where what was there is replaced. Neither lies within the other.
    mutating func move(_ source: [UInt8], to target: [UInt8]) {
        let moved = keys(atOrBelow: source).compactMap { key in
            files[key].map { (key: target + key.dropFirst(source.count), file: $0) }
        }
        // That they go and come is one thing.
        let before = changes
        changes = nil
        _ = remove(source, below: true)
        set(moved, atOrBelow: target)
        changes = before.map { $0 + moved.map { .moved(from: source + $0.key.dropFirst(target.count), to: $0.key) } }
    }

    /// Adds to the contents of a key. In place: a log that grows is not copied each time. Nil: there is no such key.
    mutating func append(_ bytes: ByteBuffer, to key: [UInt8], modifiedNanoseconds: Int64, etag: Etag) -> FileInfo? {
        guard files[key]?.contents.writeImmutableBuffer(bytes) != nil else { return nil }
        files[key]?.modifiedNanoseconds = modifiedNanoseconds
        files[key]?.etag = etag
        cost += bytes.readableBytes
        changes?.append(.modified(key))
        return files[key]?.info
    }

    /// Removes the key and, if asked, all below it. Returns how many there were.
    mutating func remove(_ path: [UInt8], below: Bool) -> Int {
        var removed = 0
        if let old = files.removeValue(forKey: path) {
            cost -= Self.cost(ofKey: path, contents: old.contents.readableBytes)
            sortedKeys.remove(at: firstIndex(notBefore: path))
            changes?.append(.removed(path))
            removed += 1
        }
        guard below else { return removed }
        let run = indices(below: path)
        for key in sortedKeys[run] {
            guard let old = files.removeValue(forKey: key) else { continue }
            cost -= Self.cost(ofKey: key, contents: old.contents.readableBytes)
            changes?.append(.removed(key))
        }
        removed += run.count
        sortedKeys.removeSubrange(run)
        return removed
    }

    mutating func noteChanges(_ areWanted: Bool) {
        changes = areWanted ? changes ?? [] : nil
    }

    mutating func takeChanges() -> [Change] {
        guard let taken = changes, !taken.isEmpty else { return [] }
        changes = []
        return taken
    }

    func hasKeys(below path: [UInt8]) -> Bool { !indices(below: path).isEmpty }

    /// A path where it is a key, and all keys below it.
    func keys(atOrBelow path: [UInt8]) -> ArraySlice<[UInt8]> { sortedKeys[indices(atOrBelow: path)] }

    /// How many they are. Looks at none of them.
    func count(atOrBelow path: [UInt8]) -> Int { indices(atOrBelow: path).count }

    /// At most `limit` keys at or below `path` that begin with `prefix` and come after `after`.
    func keys(
        below path: [UInt8],
        prefix: [UInt8],
        after: [UInt8],
        limit: Int
    ) -> (keys: [[UInt8]], isTruncated: Bool) {
        let run = indices(below: path)
        var index = max(run.lowerBound, firstIndex(notBefore: prefix))
        if !after.isEmpty { index = max(index, firstIndex(notBefore: after + [0])) }
        var keys: [[UInt8]] = []
        // Those that begin with the same bytes stand together.
        while index < run.upperBound, sortedKeys[index].starts(with: prefix) {
            guard keys.count < limit else { return (keys, true) }
            keys.append(sortedKeys[index])
            index += 1
        }
        return (keys, false)
    }

    /// At most `limit` of the immediate names below a path that sort after `after`, sorted as bytes. Goes from name to
    /// name, however many keys lie below each.
    func names(in path: [UInt8], after: [UInt8], limit: Int) -> (names: [[UInt8]], isTruncated: Bool) {
        let run = indices(below: path)
        let prefix = path.isEmpty ? [] : path + [Self.slash]
        // No name holds a slash.
        let after = after.prefix { $0 != Self.slash }
        var index = run.lowerBound
        if !after.isEmpty { index = max(index, firstIndex(notBefore: prefix + after + [Self.aboveSlash])) }
        var names: [[UInt8]] = []
        while index < run.upperBound, names.count < limit {
            let name = sortedKeys[index][prefix.count...].prefix { $0 != Self.slash }
            names.append(Array(name))
            index = firstIndex(notBefore: prefix + name + [Self.aboveSlash])
        }
        return (names, index < run.upperBound)
    }

    /// The path itself comes right before what lies below it.
    private func indices(atOrBelow path: [UInt8]) -> Range<Int> {
        guard !path.isEmpty else { return sortedKeys.indices }
        return firstIndex(notBefore: path)..<firstIndex(notBefore: path + [Self.aboveSlash])
    }

    private func indices(below path: [UInt8]) -> Range<Int> {
        guard !path.isEmpty else { return sortedKeys.indices }
        return firstIndex(notBefore: path + [Self.slash])..<firstIndex(notBefore: path + [Self.aboveSlash])
    }

    private func firstIndex(notBefore key: [UInt8]) -> Int {
        var low = 0
        var high = sortedKeys.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(sortedKeys[middle], key) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The order of names, one after the other: "a" and "a/x" before "a.txt", although "." is less than "/".
    private static func precedes(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        for index in 0..<min(first.count, second.count) where first[index] != second[index] {
            return rank(first[index]) < rank(second[index])
        }
        return first.count < second.count
    }

    /// No path holds a NUL, so its place is free.
    private static func rank(_ byte: UInt8) -> UInt8 { byte == slash ? 0 : byte }

    private static let slash = UInt8(ascii: "/")
    /// The next byte by ``rank(_:)``.
    private static let aboveSlash: UInt8 = 1
}
