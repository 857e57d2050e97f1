internal import CLinux
internal import Glibc

/// An open descriptor that is closed when its last user lets go of it: a class, since a backend's root is used by
/// many operations at once and may be closed under them. Safe to share: a descriptor number does not change, and the
/// kernel guards what it stands for.
final class FileDescriptorHandle: Sendable {
    let number: Int32

    init(owning number: Int32) {
        self.number = number
    }

    deinit {
        // EINTR too has closed it: close(2).
        _ = close(number)
    }
}

extension FileDescriptorHandle {
    /// Opens one name in this directory with the given open(2) flags; a link is not followed, so this leads nowhere
    /// else. openat2(2) with `RESOLVE_BENEATH` would do no more, and says EXDEV where a file is exchanged meanwhile.
    func open(_ name: [UInt8], flags: Int32, mode: mode_t = 0) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let descriptor = name.withCString { openat(number, $0, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
        guard descriptor >= 0 else { throw .errno(errno) }
        return FileDescriptorHandle(owning: descriptor)
    }

    /// Opens a directory some levels below this one. No link is followed.
    func descend(
        _ names: [[UInt8]],
        flags: Int32
    ) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        var directory = self
        for name in names.dropLast() { directory = try directory.open(name, flags: Int32(linux_o_path) | O_DIRECTORY) }
        guard let last = names.last else { return directory }
        return try directory.open(last, flags: flags | O_DIRECTORY)
    }
}
