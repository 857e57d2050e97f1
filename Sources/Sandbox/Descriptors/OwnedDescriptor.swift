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

/// A file descriptor that is closed with the last who refers to it. Safe to share.
final class SharedDescriptor: Sendable {
    private let descriptor: OwnedDescriptor

    var rawValue: Int32 { descriptor.rawValue }

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }
}
