/// A command in the background, as it is at one moment.
public struct BackgroundCommandInfo: Sendable, Hashable {
    /// Names it for as long as the broker runs. Not a process id.
    public var id: UInt64
    /// The shell line, or the arguments with spaces between them; its first ``maximumCommandLength`` bytes.
    public var command: [UInt8]
    /// That it was started in, within the entry.
    public var scope: WorkspacePath
    /// How it is isolated: "none", "software", "landlock" or "bwrap".
    public var isolation: String
    /// Nanoseconds since 1970-01-01 UTC.
    public var startedNanoseconds: Int64
    /// What it has written so far.
    public var written: StreamOffsets
    /// The first byte of each stream that is kept.
    public var keptFrom: StreamOffsets
    /// Nil: it runs.
    public var end: ExecEnd?

    public static let maximumCommandLength = 1024

    package init(
        id: UInt64,
        command: [UInt8],
        scope: WorkspacePath,
        isolation: String,
        startedNanoseconds: Int64,
        written: StreamOffsets = .beginning,
        keptFrom: StreamOffsets = .beginning,
        end: ExecEnd? = nil
    ) {
        self.id = id
        self.command = command
        self.scope = scope
        self.isolation = isolation
        self.startedNanoseconds = startedNanoseconds
        self.written = written
        self.keptFrom = keptFrom
        self.end = end
    }
}
