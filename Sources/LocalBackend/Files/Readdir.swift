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
        let start: ListStart = options.after.isEmpty ? .from([]) : .after(options.after)
        var smallest = SmallestEntries(capacity: min(asked, limits.maximumReaddirEntries), start)
        try directory.forEachName(cancellation) { if smallest.takes($0) { smallest.insert($0, nil) } }
        let isTruncated = smallest.finish()
        let entries = smallest.entries.map { entry in
            DirectoryEntry(name: entry.name, info: options.withDetails ? directory.info(of: entry.name) : nil)
        }
        return DirectoryPage(entries: entries, isTruncated: isTruncated)
    }
}

extension FileDescriptorHandle {
    /// Calls `body` with each name but "." and "..".
    func forEachName(
        _ cancellation: FileCancellation,
        _ body: (UnsafeRawBufferPointer) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) {
        try forEachEntry(cancellation) { name, _ throws(DirectoryAccess.Failure) in try body(name) }
    }

    /// The same, with the kind as far as the directory tells it, a DT_ value of readdir(3); getdents64(2).
    func forEachEntry(
        _ cancellation: FileCancellation,
        _ body: (UnsafeRawBufferPointer, _ type: UInt8) throws(DirectoryAccess.Failure) -> Void
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
                let type = buffer[offset + 18]
                offset += length
                let isSelfOrParent =
                    name.first == Self.dot && (name.count == 1 || name.elementsEqual([Self.dot, Self.dot]))
                if !isSelfOrParent { try body(name, type) }
            }
        }
    }

    /// Nil where it vanished, or the directory may be listed but not entered.
    func info(of name: [UInt8]) -> FileInfo? {
        guard let status = try? status(of: name) else { return nil }
        return FileInfo(status)
    }

    private static let dot = UInt8(ascii: ".")
}
