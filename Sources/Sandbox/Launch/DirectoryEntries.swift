internal import Glibc

/// What is in directories that are open; no link is followed. Blocks on files.
enum DirectoryEntries {
    /// Nil: it is not there, or no directory.
    static func open(_ name: String, in directory: Int32 = AT_FDCWD) -> OwnedDescriptor? {
        try? OwnedDescriptor.made(
            by: "openat",
            openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        )
    }

    static func names(in directory: Int32) -> [String] {
        let own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0, let stream = fdopendir(own) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Tells an entry, and all beneath it, by what changes with whatever is done to it.
    static func fingerprint(_ name: String, in directory: Int32, into fingerprint: inout [UInt64]) {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return fingerprint.append(0) }
        fingerprint += [
            UInt64(status.st_ino), UInt64(status.st_mode), UInt64(bitPattern: Int64(status.st_size)),
            UInt64(bitPattern: Int64(status.st_ctim.tv_sec)), UInt64(bitPattern: Int64(status.st_ctim.tv_nsec)),
        ]
        guard status.st_mode & S_IFMT == S_IFDIR, let entry = open(name, in: directory) else { return }
        for name in names(in: entry.rawValue) { Self.fingerprint(name, in: entry.rawValue, into: &fingerprint) }
    }

    /// Removes an entry with all that is beneath it. False: something stayed.
    static func remove(_ name: String, in directory: Int32) -> Bool {
        if unlinkat(directory, name, 0) == 0 { return true }
        guard let entry = open(name, in: directory) else { return false }
        let isEmpty = names(in: entry.rawValue).allSatisfy { remove($0, in: entry.rawValue) }
        return isEmpty && unlinkat(directory, name, AT_REMOVEDIR) == 0
    }
}
