/// Which versions of a file an answer may show. One write of it is under way at a time, and the versions rise: what was
/// acknowledged or seen is never followed by something older.
struct FileVersions: Equatable {
    /// The lowest that a call which begins now may show.
    private(set) var lowest: UInt64
    /// The highest that was ever sent; 0: there is no file.
    private(set) var highest: UInt64
    private(set) var isBeingWritten = false

    /// Of a file that holds a version.
    init(version: UInt64) {
        lowest = version
        highest = version
    }

    /// Whether it is known what the file holds.
    var isKnown: Bool { lowest == highest && !isBeingWritten }

    /// A write begins; returns the version that it makes.
    mutating func beginWrite() -> UInt64 {
        isBeingWritten = true
        highest += 1
        return highest
    }

    /// The write of that version succeeded.
    mutating func wrote(_ version: UInt64) {
        isBeingWritten = false
        lowest = max(lowest, version)
    }

    /// Whether the write under way was done is not known: it failed, or its connection was lost.
    mutating func lostWrite() { isBeingWritten = false }

    /// An answer showed a version, to a call that began when ``lowest`` was what it was then. Returns whether it may.
    mutating func saw(_ version: UInt64, from lowestThen: UInt64) -> Bool {
        guard (lowestThen...max(highest, lowestThen)).contains(version) else { return false }
        lowest = max(lowest, version)
        return true
    }
}
