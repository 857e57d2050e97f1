public import AgentBackend

/// What the pool keeps, as far as the pool knows it: a scoped backend with its environment and logger.
///
/// ``PooledBackend`` is one that does for any backend.
public protocol PooledEntry: AnyObject, Sendable {
    /// false: the backend no longer answers (its status is not connected). The entry is replaced at the next
    /// acquire, and destroyed when its last lease ends.
    ///
    /// The pool reads it under its lock, on every hit: it must answer at once and must not call the pool.
    var isUsable: Bool { get }

    /// How long the entry may be without a lease. Read once, when the entry was made.
    var idleTimeout: IdleTimeout { get }

    /// Whether the pool may destroy the entry before its idle timeout: to make room for another while it is idle, or
    /// for its age. false for what cannot be made again, such as memory. Read once, when the entry was made.
    var isEvictable: Bool { get }

    /// Leases that the entry may have at a time; nil, or more than the pool allows: as many as that. Read once, when
    /// the entry was made.
    var maxLeases: Int? { get }

    /// Ends processes, closes descriptors and, for a keyless entry, deletes its files.
    ///
    /// Called once, by the pool only, when no lease is left or when a drain has overrun. Must end in bounded
    /// time, also when its task was cancelled: a drain waits for it, and the entry counts against the limits
    /// until it returns.
    func destroy() async
}

extension PooledEntry {
    /// As long as the pool's configuration says.
    public var idleTimeout: IdleTimeout { .pool }

    /// Unless it is to live for ever.
    public var isEvictable: Bool { idleTimeout != .never }

    /// As many as the pool allows.
    public var maxLeases: Int? { nil }
}

/// What an entry is made with, as far as the pool knows it.
public protocol PooledConfiguration: Equatable, Sendable {
    /// This one with what `overrides` says over it.
    func merging(_ overrides: Self) -> Self
}

extension EntryConfiguration: PooledConfiguration {}

/// How long a pooled entry may be without a lease before it is destroyed. Its clock starts anew whenever its last lease
/// ends.
public enum IdleTimeout: Sendable, Hashable {
    /// As long as the pool's configuration says.
    case pool
    /// As long as the pool lives, unless someone asks for its end.
    case never
    /// So long, whatever the pool's configuration says.
    case after(Duration)
}
