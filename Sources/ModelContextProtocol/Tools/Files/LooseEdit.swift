internal import AgentBackend

/// An edit as the official server makes it: of the first place where its text is; else of the first lines that are the
/// same but for the space around them, which is kept.
struct LooseEdit {
    /// A file's text. Its lines end with "\n" while it is edited, and as they did when it is written.
    struct Text {
        fileprivate(set) var lines: [UInt8]
        private let hasCarriageReturns: Bool

        init(_ bytes: some Collection<UInt8>) {
            lines = LooseEdit.withoutCarriageReturns(Array(bytes))
            hasCarriageReturns = lines.count < bytes.count
        }

        /// As it is written.
        var bytes: [UInt8] {
            guard hasCarriageReturns else { return lines }
            return lines.reduce(into: []) { bytes, byte in
                if byte == LooseEdit.newline { bytes.append(LooseEdit.carriageReturn) }
                bytes.append(byte)
            }
        }
    }

    private let old: [UInt8]
    private let new: [UInt8]

    init(old: String, new: String) {
        self.old = Self.withoutCarriageReturns(Array(old.utf8))
        self.new = Self.withoutCarriageReturns(Array(new.utf8))
    }

    /// Throws `INVALID_ARGUMENT` for an empty text, `WRITE_FAILED` with reason `NO_MATCH` for one that is not there.
    func apply(to text: inout Text, _ path: WorkspacePath) throws(BackendError) {
        guard !old.isEmpty else {
            throw BackendError(.invalidArgument, message: "oldText is empty: say what is there")
        }
        if let place = text.lines.firstRange(of: old) {
            text.lines.replaceSubrange(place, with: new)
            return
        }
        let oldLines = Self.lines(old)
        var lines = Self.lines(text.lines)
        let match = lines.indices.first { start in
            start + oldLines.count <= lines.count
                && zip(oldLines, lines[start...]).allSatisfy { Self.trimmed($0) == Self.trimmed($1) }
        }
        guard let match else {
            throw BackendError(
                .writeFailed,
                reason: .noMatch,
                message: "Could not find exact match for edit in \(path):\n\(String(decoding: old, as: UTF8.self))"
            )
        }
        let indent = Self.indent(lines[match])
        let replacement = Self.lines(new).enumerated().map { index, line -> ArraySlice<UInt8> in
            if index == 0 { return indent + Self.withoutIndent(line) }
            // What follows keeps its place with regard to what it was.
            let oldIndent = index < oldLines.count ? Self.indent(oldLines[index]).count : 0
            let newIndent = Self.indent(line).count
            guard oldIndent > 0, newIndent > 0 else { return line }
            let spaces = repeatElement(UInt8(ascii: " "), count: max(0, newIndent - oldIndent))
            return indent + spaces + Self.withoutIndent(line)
        }
        lines.replaceSubrange(match..<match + oldLines.count, with: replacement)
        text.lines = Array(lines.joined(separator: [Self.newline]))
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: newline, omittingEmptySubsequences: false)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func indent(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> { line.prefix(while: isSpace) }

    private static func withoutIndent(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> { line.drop(while: isSpace) }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let rest = withoutIndent(line)
        return rest.lastIndex { !isSpace($0) }.map { rest[...$0] } ?? []
    }

    private static func withoutCarriageReturns(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(carriageReturn) else { return bytes }
        return bytes.indices.compactMap { index in
            bytes[index] == carriageReturn && index + 1 < bytes.count && bytes[index + 1] == newline
                ? nil : bytes[index]
        }
    }

    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
}
