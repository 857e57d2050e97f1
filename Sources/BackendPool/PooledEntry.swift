/// What the pool keeps, as far as the pool knows it: a scoped backend with its environment and logger.
///
/// The pool reads both properties under its lock, on every hit: they must answer at once and must not call the
/// pool.
public protocol PooledEntry: AnyObject, Sendable {
    /// false: the backend no longer answers (its status is not connected). The entry is replaced at the next
    /// acquire, and destroyed when its last lease ends.
    var isUsable: Bool { get }

    /// Whether the pool may destroy the entry for being idle, for being old, or to make room. false for what
    /// cannot be made again, such as memory without a time to live. Read once, when the entry was created.
    var isEvictedWhenIdle: Bool { get }

    /// Ends processes, closes descriptors and, for a keyless entry, deletes its files.
    ///
    /// Called once, by the pool only, when no lease is left or when a drain has overrun. Must end in bounded
    /// time, also when its task was cancelled: a drain waits for it, and the entry counts against the limits
    /// until it returns.
    func destroy() async
}
