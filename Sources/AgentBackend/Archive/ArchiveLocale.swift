internal import Glibc

/// libarchive takes names for text of the thread's locale, and without one that knows UTF-8 it puts "?" for all that is
/// not ASCII.
enum ArchiveLocale {
    /// `nonisolated(unsafe)`: made once and never changed or freed; uselocale(3) sets it for one thread at a time.
    nonisolated(unsafe) private static let utf8 = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)

    /// Runs `body` on this thread with names that are UTF-8.
    static func with<Value>(_ body: () throws(BackendError) -> Value) throws(BackendError) -> Value {
        guard let utf8 else { return try body() }
        let before = uselocale(utf8)
        defer { _ = uselocale(before) }
        return try body()
    }
}
