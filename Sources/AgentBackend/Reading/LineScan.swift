internal import CLinux
internal import Glibc

/// Finds lines by their numbers in a text that is handed to it piece by piece. A value that does no I/O.
struct LineScan {
    private let window: LineWindow
    /// That are kept.
    private let maximumBytes: Int
    private var text: [UInt8] = []
    /// Lines that have ended, and whether another has begun.
    private var ended: UInt64 = 0
    private var isInLine = false
    /// Whole lines in `text`, and their bytes.
    private var kept: (lines: UInt64, bytes: Int) = (0, 0)
    private var isTruncated = false

    init(_ window: LineWindow, maximumBytes: Int) {
        (self.window, self.maximumBytes) = (window, maximumBytes)
    }

    mutating func add(_ piece: UnsafeRawBufferPointer) {
        var rest = piece
        while rest.count > 0 {
            guard ended < window.offset || (isWanted && !isTruncated) else { return count(rest) }
            let line = Self.firstLine(of: rest)
            if isWanted { keep(line) }
            isInLine = line.last != Self.newline
            if !isInLine {
                if isWanted, !isTruncated { kept = (kept.lines + 1, text.count) }
                ended += 1
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[line.count...])
        }
    }

    func page(_ info: FileInfo) -> LinePage {
        var (text, lines) = (text, kept.lines)
        if isTruncated, lines > 0 {
            text.removeSubrange(kept.bytes...)
        } else if text.count > kept.bytes {
            // The last line of the file, or the beginning of the only one.
            lines += 1
        }
        let totalLines = ended + (isInLine ? 1 : 0)
        return LinePage(info: info, text: text, lines: lines, totalLines: totalLines, isTruncated: isTruncated)
    }

    /// The line that goes on, or begins, is asked for.
    private var isWanted: Bool { ended >= window.offset && ended - window.offset < window.limit ?? .max }

    private mutating func keep(_ line: UnsafeRawBufferPointer) {
        let room = maximumBytes - text.count
        text += line.prefix(room)
        if line.count > room { isTruncated = true }
    }

    /// What nothing is kept of.
    private mutating func count(_ text: UnsafeRawBufferPointer) {
        ended += UInt64(linux_count_byte(text.baseAddress, text.count, Self.newline))
        isInLine = text.last != Self.newline
    }

    /// With its newline, unless the text ends before.
    private static func firstLine(of text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let start = text.baseAddress, let newline = memchr(start, Int32(Self.newline), text.count) else {
            return text
        }
        return UnsafeRawBufferPointer(rebasing: text[...start.distance(to: UnsafeRawPointer(newline))])
    }

    private static let newline = UInt8(ascii: "\n")
}
