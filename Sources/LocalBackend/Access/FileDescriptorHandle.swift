internal import Glibc

/// An open descriptor that is closed when its last user lets go of it. Safe to share: a descriptor number does not
/// change, and the kernel guards what it stands for.
final class FileDescriptorHandle: Sendable {
    let number: Int32

    init(owning number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
