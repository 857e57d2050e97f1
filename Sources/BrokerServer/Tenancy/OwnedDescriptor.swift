import Glibc

/// A file descriptor that is closed with its value.
///
/// Bind it to a name before asking for ``raw``: of a value without one nothing is left once the number was read.
struct OwnedDescriptor: ~Copyable, Sendable {
    let raw: CInt

    init(adopting raw: CInt) {
        self.raw = raw
    }

    deinit { close(raw) }

    /// Gives the descriptor away: the caller closes it.
    consuming func release() -> CInt {
        let raw = raw
        discard self
        return raw
    }

    /// Opens a directory, never through a symbolic link in the last place. Failures call it `path`.
    static func directory(
        _ name: String,
        in parent: CInt = AT_FDCWD,
        calling path: String? = nil,
        flags: CInt = O_RDONLY
    ) throws(SystemFailure) -> OwnedDescriptor {
        let flags = flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        return OwnedDescriptor(adopting: try SystemFailure.check("open", path ?? name) { openat(parent, name, flags) })
    }

    /// What the kernel says about the file that is open.
    func status(of path: @autoclosure () -> String) throws(SystemFailure) -> stat {
        var status = stat()
        try SystemFailure.check("stat", path()) { fstat(raw, &status) }
        return status
    }

    /// The name of the open file that the calls take which know no descriptors, or none opened with `O_PATH`.
    var procPath: String { "/proc/self/fd/\(raw)" }
}
