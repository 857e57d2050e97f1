/// How an audit log is kept.
package struct AuditSettings: Sendable, Hashable {
    /// What becomes of calls that cannot be recorded: the disk is full, or the log is too slow.
    package enum OnFailure: String, Sendable, Hashable, CaseIterable {
        /// Those that change something are refused; what is about to be done is recorded first.
        case refuse
        /// They go on, and a record says how many are missing.
        case gap
    }

    /// When what was written has to be on the disk, and not in the host's memory alone.
    package enum Sync: String, Sendable, Hashable, CaseIterable {
        /// When the host likes. A broker that is killed loses nothing, a host that loses power the last seconds.
        case none
        /// Now and then.
        case interval
        /// Before whoever waits for a record goes on.
        case each
    }

    package var onFailure = OnFailure.gap
    package var sync = Sync.interval
    /// Between two times, of `interval`.
    package var syncInterval = Duration.seconds(1)
    /// Of one file, after which the next is begun.
    package var maximumFileBytes = 64 << 20
    package var maximumFileAge = Duration.seconds(30 * 86_400)
    /// Files of one org that are kept.
    package var maximumFiles = 16
    /// Records after which a signed head follows.
    package var recordsPerHead = 1000
    /// Longest time that a record has no signed head behind it.
    package var timePerHead = Duration.seconds(10)
    /// Of events that wait to be written, in memory.
    package var maximumQueuedBytes = 8 << 20
    /// How long a call waits for its record, where ``OnFailure/refuse`` has it wait.
    package var patience = Duration.seconds(5)

    package init() {}
}

/// The time, for a log that is told it.
package struct AuditTime: Sendable, Hashable {
    /// Nanoseconds since 1970-01-01 UTC.
    package var wall: Int64
    /// Since any one moment, by a clock that nobody sets.
    package var elapsed: Duration

    package init(wall: Int64, elapsed: Duration) {
        self.wall = wall
        self.elapsed = elapsed
    }
}
