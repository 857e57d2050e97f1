/// What became of files that were to be removed.
package struct SweepReport: Sendable, Hashable {
    /// Entries that are gone.
    package var removed = 0
    /// Entries that could not be removed. They are tried again at the next start.
    package var left = 0
    /// Why the last of those could not; 0 where there is none.
    package var lastErrno: Int32 = 0

    mutating func add(_ other: SweepReport) {
        removed += other.removed
        left += other.left
        if other.lastErrno != 0 { lastErrno = other.lastErrno }
    }
}
