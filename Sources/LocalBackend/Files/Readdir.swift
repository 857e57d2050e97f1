internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Holds twice the page in memory, whatever the directory has.
    func readdir(
        _ path: WorkspacePath,
        options: ReaddirOptions
    ) throws(DirectoryAccess.Failure) -> DirectoryPage {
        let directory = try access.open(path, flags: UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory)
        let asked = options.limit > 0 ? options.limit : limits.maximumReaddirEntries
        var smallest = SmallestNames(capacity: min(asked, limits.maximumReaddirEntries), after: options.after)
        try directory.forEachName(cancellation) { smallest.insert($0) }
        let (names, isTruncated) = smallest.sorted()
        let entries = names.map { name in
            DirectoryEntry(name: name, info: options.withDetails ? directory.info(of: name) : nil)
        }
        return DirectoryPage(entries: entries, isTruncated: isTruncated)
    }
}

extension FileDescriptorHandle {
    /// Calls `body` with each name but "." and ".."; getdents64(2).
    func forEachName(
        _ cancellation: FileCancellation,
        _ body: (UnsafeRawBufferPointer) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) {
        let capacity = 32 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            try cancellation.check()
            let count = linux_getdents64(number, buffer.baseAddress, capacity)
            guard count >= 0 else { throw .errno(Int32(-count)) }
            guard count > 0 else { return }
            var offset = 0
            // struct linux_dirent64: inode (8), offset (8), record length (2), type (1), name and NUL.
            while offset < count {
                let length = Int(buffer.load(fromByteOffset: offset + 16, as: UInt16.self))
                let record = buffer[(offset + 19)..<(offset + length)]
                let name = UnsafeRawBufferPointer(rebasing: record.prefix { $0 != 0 })
                offset += length
                let isSelfOrParent = name.elementsEqual([Self.dot]) || name.elementsEqual([Self.dot, Self.dot])
                if !isSelfOrParent { try body(name) }
            }
        }
    }

    /// Nil where it vanished, or the directory may be listed but not entered.
    fileprivate func info(of name: [UInt8]) -> FileInfo? {
        guard let status = try? status(of: name) else { return nil }
        return FileInfo(status)
    }

    private static let dot = UInt8(ascii: ".")
}

/// Keeps the names that come first of a sequence of any length.
private struct SmallestNames {
    private let capacity: Int
    private let after: [UInt8]
    private var names: [[UInt8]] = []
    /// What sorts after it need not be kept. Nil: no name has been dropped yet.
    private var last: [UInt8]?

    init(capacity: Int, after: [UInt8]) {
        self.capacity = max(capacity, 1)
        self.after = after
    }

    mutating func insert(_ name: UnsafeRawBufferPointer) {
        guard after.isEmpty || after.lexicographicallyPrecedes(name) else { return }
        if let last, last.lexicographicallyPrecedes(name) { return }
        names.append(Array(name))
        if names.count >= 2 * capacity { drop() }
    }

    mutating func sorted() -> (names: [[UInt8]], isTruncated: Bool) {
        drop()
        return (names, last != nil)
    }

    private mutating func drop() {
        names.sort { $0.lexicographicallyPrecedes($1) }
        guard names.count > capacity else { return }
        names.removeSubrange(capacity...)
        last = names.last
    }
}
