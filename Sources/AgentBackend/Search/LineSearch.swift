internal import CLinux
internal import Glibc

/// Searches the lines of one file, whose bytes are handed to it piece by piece. A value that does no I/O.
///
/// A file with a NUL byte is no text: nothing of it is told. Memory is bounded by what is told.
package struct LineSearch: Sendable {
    package private(set) var matches: [GrepMatch] = []
    /// Bytes of what is told.
    package private(set) var bytes = 0
    /// Lines of which it was not told in time whether they match.
    package private(set) var undecided = 0
    /// A limit kept it from telling all.
    package private(set) var isTruncated = false

    private let pattern: GrepPattern
    private let limits: Limits
    private var isText = true
    /// Number of the line that comes next.
    private var line: UInt64 = 1
    /// The last lines of what came before.
    private var last: [[UInt8]] = []
    /// From here on matches may want more of the lines after them.
    private var firstOpen = 0

    struct Limits: Sendable {
        var contextBefore: Int
        var contextAfter: Int
        var matches: Int
        /// It is no want of room that the file has more than these.
        var matchesOfOneFile: Int
        var bytes: Int
        /// Of what is told of one line.
        var bytesOfOneLine: Int
        var undecided: Int
    }

    init(_ pattern: GrepPattern, _ limits: Limits) {
        self.pattern = pattern
        self.limits = limits
    }

    /// As many matches are told as any file may have.
    package var hasAllOfOneFile: Bool { matches.count >= limits.matchesOfOneFile }

    /// Nothing that comes makes any difference.
    package var isDone: Bool { !isText || (isTruncated && firstOpen == matches.count) }

    /// Takes whole lines: they end with a newline, or the file ends with them.
    package mutating func add(_ text: UnsafeRawBufferPointer, _ matcher: LineMatcher) {
        guard !isDone, let start = text.baseAddress, text.count > 0 else { return }
        guard memchr(start, 0, text.count) == nil else { return forget() }
        if limits.contextAfter > 0 { addLinesAfter(firstOpen..<matches.count, in: text, from: 0) }
        var position = 0
        while position < text.count, !isTruncated {
            let found = matcher.firstLine(in: text, from: position)
            let end = found?.line.lowerBound ?? text.count
            line += UInt64(linux_count_byte(start + position, end - position, Self.newline))
            guard let found else { break }
            if found.isDecided {
                tell(found.line, in: text)
            } else {
                undecided += 1
                isTruncated = undecided >= limits.undecided
            }
            // A line may go on in the next piece.
            if found.line.upperBound < text.count { line += 1 }
            position = found.line.upperBound + 1
        }
        if limits.contextBefore > 0 { last = linesBefore(text.count, in: text) }
    }

    private mutating func tell(_ range: Range<Int>, in text: UnsafeRawBufferPointer) {
        guard matches.count < limits.matches, bytes < limits.bytes else {
            isTruncated = true
            return
        }
        let before = limits.contextBefore > 0 ? linesBefore(range.lowerBound, in: text) : []
        let match = GrepMatch(line: line, text: cut(text[range]), before: before)
        bytes += before.reduce(32 + match.text.count) { $0 + $1.count + 8 }
        matches.append(match)
        if limits.contextAfter > 0 {
            addLinesAfter(matches.count - 1..<matches.count, in: text, from: range.upperBound + 1)
        }
    }

    /// Those that still want more after that are the last ones.
    private mutating func addLinesAfter(_ indices: Range<Int>, in text: UnsafeRawBufferPointer, from start: Int) {
        for index in indices {
            var position = start
            while position < text.count, matches[index].after.count < limits.contextAfter {
                let end = text.endOfLine(from: position)
                let line = cut(text[position..<end])
                matches[index].after.append(line)
                bytes += line.count + 8
                position = end + 1
            }
        }
        while firstOpen < matches.count, matches[firstOpen].after.count == limits.contextAfter { firstOpen += 1 }
    }

    /// The lines that end before a place, at which one begins.
    private func linesBefore(_ place: Int, in text: UnsafeRawBufferPointer) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var end = place
        while lines.count < limits.contextBefore, end > 0 {
            // The last line of all may end without a newline.
            let lineEnd = text[end - 1] == Self.newline ? end - 1 : end
            end = text.startOfLine(endingAt: lineEnd)
            lines.append(cut(text[end..<lineEnd]))
        }
        return last.suffix(limits.contextBefore - lines.count) + lines.reversed()
    }

    private mutating func forget() {
        matches = []
        bytes = 0
        isTruncated = false
        isText = false
    }

    private func cut(_ line: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        Array(line.prefix(limits.bytesOfOneLine))
    }

    private static let newline = UInt8(ascii: "\n")
}

/// Finds the next line that matches. Holds what one match after the other is made with: for one thread, for a short time.
package struct LineMatcher {
    private enum Way {
        case bytes([UInt8], rarest: Int)
        case expression(RegularExpressionMatching)
    }

    private let way: Way

    /// - Parameter maximumSteps: That one line may take.
    package init(_ pattern: GrepPattern, maximumSteps: Int) {
        if let expression = pattern.expression {
            way = .expression(expression.matching(maximumSteps: UInt32(clamping: maximumSteps)))
        } else {
            way = .bytes(
                pattern.bytes,
                rarest: pattern.bytes.indices.min { Self.rank(pattern.bytes[$0]) < Self.rank(pattern.bytes[$1]) } ?? 0
            )
        }
    }

    /// The next line that matches, or of which it cannot be told whether it does.
    func firstLine(in text: UnsafeRawBufferPointer, from position: Int) -> (line: Range<Int>, isDecided: Bool)? {
        switch way {
        case .bytes(let bytes, let rarest):
            guard let start = text.baseAddress,
                let found = linux_find_bytes(start + position, text.count - position, bytes, bytes.count, rarest)
            else { return nil }
            let place = start.distance(to: found)
            return (text.startOfLine(endingAt: place)..<text.endOfLine(from: place), true)
        case .expression(let matching):
            var begin = position
            while begin < text.count {
                let end = text.endOfLine(from: begin)
                switch matching.match(in: UnsafeRawBufferPointer(rebasing: text[begin..<end])) {
                case .some(true): return (begin..<end, true)
                case .some(false): begin = end + 1
                case .none: return (begin..<end, false)
                }
            }
            return nil
        }
    }

    /// How often a byte is met in texts, roughly: rare ones are searched for.
    private static func rank(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: " "): 255
        case UInt8(ascii: "a")...UInt8(ascii: "z"): common.firstIndex(of: byte).map { 250 - 2 * $0 } ?? 150
        case UInt8(ascii: "0")...UInt8(ascii: "9"): 120
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): 100
        case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "\t"):
            180
        case 0x21..<0x7f: 110
        default: 50
        }
    }

    private static let common = Array("etaoinsrhldcumfpgwybvkxjqz".utf8)
}

extension UnsafeRawBufferPointer {
    /// Of the line that this place is in.
    fileprivate func endOfLine(from position: Int) -> Int {
        guard let start = baseAddress, let newline = memchr(start + position, 0x0a, count - position) else {
            return count
        }
        return start.distance(to: UnsafeRawPointer(newline))
    }

    /// Of the line whose last byte is before this place.
    fileprivate func startOfLine(endingAt position: Int) -> Int {
        guard let start = baseAddress, let newline = linux_find_last_byte(start, position, 0x0a) else { return 0 }
        return start.distance(to: newline) + 1
    }
}
