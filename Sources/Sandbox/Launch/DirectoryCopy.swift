internal import Glibc

/// Copies what everybody may read: files, directories and links, bounded in number and bytes. What is looked at is what is
/// copied, whatever takes its name meanwhile, and no link is followed. Blocks on files.
struct DirectoryCopy {
    private var files: Int
    private var bytes: Int

    init(files: Int, bytes: Int) {
        (self.files, self.bytes) = (files, bytes)
    }

    /// The entry `name` of one directory becomes `copyName` in the other; both are open. What is not there, or not for
    /// everybody, is left out. False: it is too much, or could not be written.
    mutating func add(_ name: String, of source: Int32, as copyName: String, in destination: Int32) -> Bool {
        files -= 1
        guard files >= 0 else { return false }
        if let target = SymbolicLink.target(of: name, in: source) {
            return symlinkat(target, destination, copyName) == 0
        }
        guard
            let entry = try? OwnedDescriptor.made(
                by: "openat",
                openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            )
        else { return true }
        var status = stat()
        guard fstat(entry.rawValue, &status) == 0 else { return true }
        switch status.st_mode & S_IFMT {
        case S_IFDIR where status.st_mode & 0o005 == 0o005:
            guard mkdirat(destination, copyName, 0o755) == 0,
                let copy = DirectoryEntries.open(copyName, in: destination)
            else { return false }
            return DirectoryEntries.names(in: entry.rawValue).allSatisfy {
                add($0, of: entry.rawValue, as: $0, in: copy.rawValue)
            }
        case S_IFREG where status.st_mode & 0o004 != 0:
            return addFile(entry.rawValue, as: copyName, in: destination, mode: status.st_mode & 0o555 | 0o200)
        default:
            return true
        }
    }

    private mutating func addFile(_ input: Int32, as name: String, in directory: Int32, mode: mode_t) -> Bool {
        guard
            let output = try? OwnedDescriptor.made(
                by: "openat",
                openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
            )
        else { return false }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(input, &piece, piece.count)
            // Whatever the umask took away.
            guard count > 0 else { return count == 0 && fchmod(output.rawValue, mode) == 0 }
            bytes -= count
            guard bytes >= 0, write(output.rawValue, piece, count) == count else { return false }
        }
    }
}
