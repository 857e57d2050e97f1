internal import Synchronization

/// A number of bytes that may be changed while others keep to it. Safe to use from any thread.
package final class ByteLimit: Sendable {
    private let value: Atomic<UInt64>

    package init(_ bytes: UInt64) {
        value = Atomic(bytes)
    }

    package var bytes: UInt64 { value.load(ordering: .relaxed) }

    package func set(_ bytes: UInt64) {
        value.store(bytes, ordering: .relaxed)
    }
}
