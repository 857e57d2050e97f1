internal import NIOCore

/// What lines of a file to read.
public struct LineWindow: Sendable, Hashable {
    /// Bytes of the lines that are told at once, unless a backend has another limit: what is longer is cut after the last
    /// whole line that fits.
    public static let maximumBytes = 512 << 10

    /// Lines to pass over at the start of the file.
    public var offset: UInt64
    /// At most so many; nil: to the end of the file.
    public var limit: UInt64?

    public init(offset: UInt64 = 0, limit: UInt64? = nil) {
        self.offset = offset
        self.limit = limit
    }
}

/// Lines of a file.
public struct LinePage: Sendable, Hashable {
    /// Of the file.
    public var info: FileInfo
    /// The lines, each with its newline; the last line of a file may have none.
    public var text: [UInt8]
    /// How many lines that are.
    public var lines: UInt64
    /// How many the file has. What is behind the last newline is one.
    public var totalLines: UInt64
    /// There was no room for all lines that were asked for. Where even the first did not fit, its beginning is told.
    public var isTruncated: Bool

    public init(info: FileInfo, text: [UInt8], lines: UInt64, totalLines: UInt64, isTruncated: Bool) {
        self.info = info
        self.text = text
        self.lines = lines
        self.totalLines = totalLines
        self.isTruncated = isTruncated
    }
}

extension Backend {
    /// Reads a file from front to back, and keeps the lines that are asked for.
    @concurrent
    package func readLinesByReading(
        _ path: WorkspacePath,
        window: LineWindow,
        maximumBytes: Int
    ) async throws(BackendError) -> LinePage {
        let reader = try await openReader(path, range: .all)
        do throws(BackendError) {
            var scan = LineScan(window, maximumBytes: maximumBytes)
            while let piece = try await reader.read(upTo: 256 << 10) {
                piece.withUnsafeReadableBytes { scan.add($0) }
            }
            await reader.close()
            return scan.page(reader.info)
        } catch {
            await reader.close()
            throw error
        }
    }
}
