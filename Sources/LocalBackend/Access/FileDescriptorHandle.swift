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
