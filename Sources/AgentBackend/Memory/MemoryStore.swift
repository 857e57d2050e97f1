import NIOCore

/// What a memory backend holds: keys that look like paths, and their bytes. Directories are what the keys imply.
struct MemoryStore {
    struct File {
        var contents: ByteBuffer
        var modifiedNanoseconds: Int64
        var permissions: UInt32

        var info: FileInfo {
            FileInfo(
                kind: .regular,
                size: UInt64(contents.readableBytes),
                modifiedNanoseconds: modifiedNanoseconds,
                permissions: permissions
            )
        }
    }

    private var files: [[UInt8]: File] = [:]
    /// The keys of `files`, sorted as bytes, so that what lies below a prefix is one run.
    private var sortedKeys: [[UInt8]] = []

    /// Bytes of all contents.
    private(set) var byteCount = 0

    subscript(key: [UInt8]) -> File? { files[key] }

    /// What is at a path: a file, or a directory where keys lie below it or it is the root of the store.
    func info(at path: [UInt8]) -> FileInfo? {
        if let file = files[path] { return file.info }
        guard path.isEmpty || !keys(below: path).isEmpty else { return nil }
        return FileInfo(kind: .directory, size: 0, modifiedNanoseconds: 0, permissions: 0o755)
    }

    mutating func set(_ key: [UInt8], to file: File) {
        if let old = files.updateValue(file, forKey: key) {
            byteCount -= old.contents.readableBytes
        } else {
            sortedKeys.insert(key, at: firstIndex(notBefore: key))
        }
        byteCount += file.contents.readableBytes
    }

    /// Removes the key and, if asked, all below it. Returns how many there were.
    mutating func remove(_ path: [UInt8], below: Bool) -> Int {
        var removed = 0
        if let old = files.removeValue(forKey: path) {
            byteCount -= old.contents.readableBytes
            sortedKeys.remove(at: firstIndex(notBefore: path))
            removed += 1
        }
        guard below else { return removed }
        let run = indices(below: path)
        for key in sortedKeys[run] {
            byteCount -= files.removeValue(forKey: key)?.contents.readableBytes ?? 0
        }
        removed += run.count
        sortedKeys.removeSubrange(run)
        return removed
    }

    /// The keys that lie below a path, sorted.
    func keys(below path: [UInt8]) -> ArraySlice<[UInt8]> { sortedKeys[indices(below: path)] }

    /// The immediate names below a path, sorted as bytes.
    func names(in path: [UInt8]) -> [[UInt8]] {
        let prefixLength = path.isEmpty ? 0 : path.count + 1
        var names: [[UInt8]] = []
        for key in keys(below: path) {
            let name = key[prefixLength...].prefix { $0 != UInt8(ascii: "/") }
            if let last = names.last, last.elementsEqual(name) { continue }
            names.append(Array(name))
        }
        // "a.txt" sorts before "a/x" as a key, and after "a" as a name.
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names.reduce(into: []) { unique, name in
            if unique.last != name { unique.append(name) }
        }
    }

    private func indices(below path: [UInt8]) -> Range<Int> {
        guard !path.isEmpty else { return sortedKeys.indices }
        let first = firstIndex(notBefore: path + [UInt8(ascii: "/")])
        // "0" is the byte after "/".
        return first..<firstIndex(notBefore: path + [UInt8(ascii: "0")])
    }

    private func firstIndex(notBefore key: [UInt8]) -> Int {
        var low = 0
        var high = sortedKeys.count
        while low < high {
            let middle = (low + high) / 2
            if sortedKeys[middle].lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
