/// A terminal that a command is to have.
public struct Terminal: Sendable, Hashable {
    public var size: TerminalSize
    /// The command's TERM, such as "xterm-256color", whatever its environment says. Nil: its environment's.
    public var type: String?

    public init(_ size: TerminalSize, type: String? = nil) {
        self.size = size
        self.type = type
    }
}

/// In characters; neither is 0.
public struct TerminalSize: Sendable, Hashable {
    public var rows: UInt16
    public var columns: UInt16

    public init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

extension TerminalSize {
    /// Throws `INVALID_ARGUMENT` for a size that no terminal has.
    package init(checking rows: UInt32, _ columns: UInt32) throws(BackendError) {
        self.init(rows: UInt16(clamping: rows), columns: UInt16(clamping: columns))
        guard (1...UInt32(UInt16.max)).contains(rows), (1...UInt32(UInt16.max)).contains(columns) else {
            throw BackendError(
                .invalidArgument,
                message: "a terminal has 1 to \(UInt16.max) rows and columns, not \(rows) and \(columns)"
            )
        }
    }

    /// As ``init(checking:_:)``.
    package func check() throws(BackendError) {
        _ = try TerminalSize(checking: UInt32(rows), UInt32(columns))
    }
}
