/// A text in a file that another takes the place of.
public struct TextEdit: Sendable, Hashable {
    /// What is there, byte by byte, ends of lines included. Not empty.
    public var old: [UInt8]
    public var new: [UInt8]
    /// Wherever it is there. False: it has to be there once.
    public var replacesAll: Bool

    public init(_ old: [UInt8], _ new: [UInt8], replacesAll: Bool = false) {
        self.old = old
        self.new = new
        self.replacesAll = replacesAll
    }

    public init(_ old: String, _ new: String, replacesAll: Bool = false) {
        self.init(Array(old.utf8), Array(new.utf8), replacesAll: replacesAll)
    }
}

/// How a file is edited.
public struct EditOptions: Sendable, Hashable {
    /// Largest file that is edited, in bytes, before and after, unless a backend has another limit.
    public static let maximumFileBytes = 64 << 20

    /// Edit only where the file is still of this version; see ``WriteOptions/expectedEtag``.
    public var expectedEtag: Etag?
    /// Tell what would come of it, and leave the file as it is.
    public var isDryRun: Bool

    public init(expectedEtag: Etag? = nil, isDryRun: Bool = false) {
        self.expectedEtag = expectedEtag
        self.isDryRun = isDryRun
    }
}

/// What came of an edit.
public struct EditResult: Sendable, Hashable {
    /// Of the file after it; of a dry run, as it is.
    public var info: FileInfo
    /// How many texts each edit replaced, in their order.
    public var replacements: [UInt64]
    /// From the old file to the new one, in the unified format of diff(1). Nil: it would be longer than
    /// ``maximumDiffBytes``.
    public var diff: [UInt8]?

    /// Unless a backend has another limit.
    public static let maximumDiffBytes = 512 << 10

    public init(info: FileInfo, replacements: [UInt64], diff: [UInt8]?) {
        self.info = info
        self.replacements = replacements
        self.diff = diff
    }
}

/// Why an edit could not be made: its text is not there as often as it has to be.
public struct EditMismatch: Sendable, Hashable {
    /// Of the edit, counted from 0.
    public var index: UInt32
    /// How often its text is there: 0, or more than once.
    public var occurrences: UInt64

    public init(index: UInt32, occurrences: UInt64) {
        self.index = index
        self.occurrences = occurrences
    }
}
