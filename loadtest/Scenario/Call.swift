/// One call: what it asks for, of what, and what its answer may show.
struct Call: Equatable {
    var kind: CallKind
    var org: Int
    var key: Int
    var file = 0
    /// That a write or an edit makes.
    var version: UInt64 = 0
    /// ``FileVersions/lowest`` of its file when it began.
    var lowest: UInt64 = 0
    /// Of an echo, a run or a sleep: tells its answer from others.
    var stamp: UInt64 = 0
    /// Of a key that has nothing but an entry.
    var isOfIdleKey = false
}

/// What came back for a call. Ranges are of the bytes that it was read from.
struct CallOutcome {
    /// The message of the answer.
    var reply: Range<Int>
    /// All payload, or all standard output of a command.
    var payload: [UInt8]
}
