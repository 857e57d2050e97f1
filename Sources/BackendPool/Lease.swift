public import AgentBackend

/// Names one lease, also over the wire.
///
/// The slot is used again, the generation is not: an id that was released once is never valid again.
public struct LeaseID: Hashable, Sendable {
    public let slot: UInt32
    /// Never 0.
    public let generation: UInt32

    public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// The form for the wire. Never 0.
    public var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    public init(rawValue: UInt64) {
        self.init(slot: UInt32(truncatingIfNeeded: rawValue), generation: UInt32(rawValue >> 32))
    }
}

/// A lease by its id, for who keeps leases in tables of their own, such as a server. Nothing gives it back when it is
/// forgotten: release its id exactly once.
public struct LeaseGrant<Entry: PooledEntry>: Sendable {
    public let id: LeaseID
    public let entry: Entry
    /// Whether the entry was made for this acquire.
    public let isNew: Bool

    @inlinable
    init(id: LeaseID, entry: Entry, isNew: Bool) {
        self.id = id
        self.entry = entry
        self.isNew = isNew
    }
}

extension BackendPoolManager {
    /// The right to use an entry until ``release()``, held in one place at a time.
    ///
    /// One that is let go of without a release is given back all the same, by whichever thread let go of it. That is
    /// a mistake of its holder: it is counted (``PoolStatistics/abandonedLeases``) and the observer is told.
    public struct Lease: ~Copyable, Sendable {
        public let key: PoolKey
        public let id: LeaseID
        public let entry: Entry
        /// Whether the entry was made for this acquire.
        public let isNew: Bool
        @usableFromInline
        let pool: BackendPoolManager
        @usableFromInline
        var isReleased = false

        @inlinable
        init(_ grant: LeaseGrant<Entry>, of key: PoolKey, in pool: BackendPoolManager) {
            self.key = key
            id = grant.id
            entry = grant.entry
            isNew = grant.isNew
            self.pool = pool
        }

        /// Gives the lease back. Does not wait. Harmless after the pool has ended it, as at a drain's deadline.
        @inlinable
        public consuming func release() {
            isReleased = true
            pool.release(id)
        }

        @inlinable
        deinit {
            if !isReleased {
                pool.takeBack(id, of: key)
            }
        }
    }
}

extension BackendPoolManager.Lease where Entry == PooledBackend {
    public var backend: any Backend { entry.backend }
}
