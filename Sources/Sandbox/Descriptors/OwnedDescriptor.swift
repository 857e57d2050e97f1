internal import Glibc

/// A file descriptor that is closed with its owner.
///
/// `rawValue` is valid for as long as the owner lives: system calls borrow it, nobody keeps it.
package struct OwnedDescriptor: ~Copyable, Sendable {
    package let rawValue: Int32

    /// Takes ownership of an open descriptor.
    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit {
        // EINTR too has closed it: close(2).
        _ = close(rawValue)
    }
}
