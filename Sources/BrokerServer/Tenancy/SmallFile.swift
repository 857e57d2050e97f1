import Glibc

/// Whole files that are small enough to be kept in memory: the configuration, and what the broker remembers. Failures
/// call them `path`, or as they are named here.
enum SmallFile {
    /// The bytes of a file; nil where there is none. Fails with `EFBIG` for one that is larger than `limit`.
    static func read(
        _ name: String,
        in directory: CInt = AT_FDCWD,
        calling path: String? = nil,
        atMost limit: Int
    ) throws(SystemFailure) -> [UInt8]? {
        let path = path ?? name
        let raw = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        if raw < 0, errno == ENOENT { return nil }
        let file = OwnedDescriptor(adopting: try SystemFailure.check("open", path) { raw })
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try SystemFailure.check("read", path) { Glibc.read(file.raw, &chunk, chunk.count) }
            if count == 0 { return contents }
            contents += chunk.prefix(count)
            if contents.count > limit { throw SystemFailure("read", path, errno: EFBIG) }
        }
    }

    /// Makes `contents` the whole of a file that only its owner can read: whatever happens meanwhile, a reader
    /// finds either the old or the new contents, also after a power cut. For one writer at a time.
    static func replace(
        _ name: String,
        in directory: CInt,
        calling path: String,
        with contents: [UInt8]
    ) throws(SystemFailure) {
        let temporary = ".\(name).new"
        // Left by a broker that ended in the middle of this.
        unlinkat(directory, temporary, 0)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = OwnedDescriptor(
            adopting: try SystemFailure.check("create", path) { openat(directory, temporary, flags, 0o600) }
        )
        do {
            try write(contents, to: file.raw, path: path)
            try SystemFailure.check("fsync", path) { fsync(file.raw) }
            try SystemFailure.check("rename", path) { renameat(directory, temporary, directory, name) }
        } catch {
            unlinkat(directory, temporary, 0)
            throw error
        }
        try SystemFailure.check("fsync", path) { fsync(directory) }
    }

    static func write(_ contents: [UInt8], to descriptor: CInt, path: String) throws(SystemFailure) {
        var rest = contents[...]
        while !rest.isEmpty {
            let count = try SystemFailure.check("write", path) {
                rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(count)
        }
    }
}
