/// What one call of glob, tree, grep, readLines or edit may take, and tell. A value; safe to share.
public struct FileCallLimits: Sendable, Hashable {
    /// Matches in one page of a glob.
    public var maximumGlobMatches = GlobOptions.maximumMatches
    /// Entries in one page of a tree.
    public var maximumTreeEntries = TreeOptions.maximumEntries
    /// Lines in one page of a grep.
    public var maximumGrepMatches = GrepOptions.maximumMatches
    /// Lines before a match, and after it.
    public var maximumGrepContext = GrepOptions.maximumContext
    /// Bytes of a line that are told.
    public var maximumGrepLineBytes = GrepMatch.maximumText
    /// Steps that one line may take to tell whether it matches; pcre2_set_match_limit(3).
    public var maximumGrepSteps = 200_000
    /// Lines of one page that took more steps.
    public var maximumUndecidedLines = 100
    /// Names that are looked at for one page of a glob, tree or grep.
    public var maximumLooks = 1_000_000
    /// Bytes of one page of a glob, tree or grep; the last match may go over them.
    public var maximumPageBytes = 768 << 10
    /// Bytes of the lines that are told at once of one file.
    public var maximumWindowBytes = LineWindow.maximumBytes
    /// Largest file that is edited, in bytes, before and after.
    public var maximumEditedBytes = EditOptions.maximumFileBytes
    /// Bytes of the difference that an edit tells.
    public var maximumDiffBytes = EditResult.maximumDiffBytes
    /// How long a glob, tree or grep of files on a disk keeps a thread before it is the turn of others.
    public var turn: Duration = .milliseconds(10)

    public init() {}
}
