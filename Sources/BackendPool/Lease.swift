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

/// The right to use an entry until the lease is released. Its holder releases it exactly once.
public struct Lease<Entry: PooledEntry>: Sendable {
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
