internal import Glibc

/// Copies what everybody may read: files, directories and links, bounded in number and bytes. Blocks on files.
struct DirectoryCopy {
    private var files: Int
    private var bytes: Int

    init(files: Int, bytes: Int) {
        (self.files, self.bytes) = (files, bytes)
    }

    /// What is not there, or not for everybody, is left out. False: it is too much, or could not be written.
    mutating func add(_ source: String, to destination: String) -> Bool {
        var status = stat()
        guard lstat(source, &status) == 0 else { return true }
        files -= 1
        guard files >= 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFLNK:
            guard let target = try? SymbolicLink.target(of: source) else { return true }
            return symlink(String(decoding: target, as: UTF8.self), destination) == 0
        case S_IFDIR where status.st_mode & 0o005 == 0o005:
            guard mkdir(destination, 0o755) == 0 else { return false }
            return Self.entries(of: source).allSatisfy { add("\(source)/\($0.name)", to: "\(destination)/\($0.name)") }
        case S_IFREG where status.st_mode & 0o004 != 0:
            return addFile(source, to: destination, mode: status.st_mode & 0o555 | 0o200)
        default:
            return true
        }
    }

    private mutating func addFile(_ source: String, to destination: String, mode: mode_t) -> Bool {
        guard let input = try? OwnedDescriptor.made(by: "open", open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) else {
            return true
        }
        guard
            let output = try? OwnedDescriptor.made(
                by: "open",
                open(destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
            )
        else { return false }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(input.rawValue, &piece, piece.count)
            // Whatever the umask took away.
            guard count > 0 else { return count == 0 && fchmod(output.rawValue, mode) == 0 }
            bytes -= count
            guard bytes >= 0, write(output.rawValue, piece, count) == count else { return false }
        }
    }

    /// Tells what there is by its inode, its times and its size, and so on beneath a directory's own directories: a file that
    /// comes, goes or is replaced changes its directory.
    static func fingerprint(_ path: String, into fingerprint: inout [UInt64], depth: Int = 0) {
        var status = stat()
        guard stat(path, &status) == 0 else { return fingerprint.append(0) }
        fingerprint += [
            UInt64(status.st_ino), UInt64(bitPattern: Int64(status.st_mtim.tv_sec)),
            UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)), UInt64(bitPattern: Int64(status.st_size)),
        ]
        guard status.st_mode & S_IFMT == S_IFDIR, depth < maximumDepth else { return }
        for entry in entries(of: path) where entry.isDirectory {
            Self.fingerprint("\(path)/\(entry.name)", into: &fingerprint, depth: depth + 1)
        }
    }

    /// Removes a directory of the process's own with all that is in it. False: something stayed.
    static func remove(_ path: String) -> Bool {
        for entry in entries(of: path) {
            let path = "\(path)/\(entry.name)"
            guard entry.isDirectory ? remove(path) : unlink(path) == 0 else { return false }
        }
        return rmdir(path) == 0
    }

    /// Directories below which none is looked at for a fingerprint.
    private static let maximumDepth = 4

    private struct Entry {
        let name: String
        /// False of a link to one.
        let isDirectory: Bool
    }

    private static func entries(of path: String) -> [Entry] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var entries: [Entry] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            entries.append(Entry(name: name, isDirectory: entry.pointee.d_type == DT_DIR))
        }
        return entries
    }
}
