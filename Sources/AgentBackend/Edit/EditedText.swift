internal import CLinux

/// A text with edits applied to it, one after the other.
struct EditedText {
    private(set) var bytes: [UInt8]
    private(set) var replacements: [UInt64] = []

    /// Throws `INVALID_ARGUMENT` for an empty text to replace or a result that is too large, and `WRITE_FAILED` with
    /// reason `NO_MATCH` or `NOT_UNIQUE` and ``BackendError/editMismatch``.
    init(
        _ bytes: [UInt8],
        _ edits: [TextEdit],
        _ path: WorkspacePath,
        maximumBytes: Int
    ) throws(BackendError) {
        self.bytes = bytes
        for (index, edit) in edits.enumerated() {
            let name = edits.count == 1 ? "the text to replace" : "the text to replace of edit \(index + 1)"
            guard !edit.old.isEmpty else {
                throw BackendError(.invalidArgument, message: "\(name) is empty: say what is there")
            }
            let places = Self.places(of: edit.old, in: self.bytes)
            guard places.count == 1 || (places.count > 1 && edit.replacesAll) else {
                throw BackendError(
                    .writeFailed,
                    reason: places.isEmpty ? .noMatch : .notUnique,
                    message: places.isEmpty
                        ? "\(name) is not in \(path): read it again, and give what is there, spaces included"
                        : "\(name) is in \(path) \(places.count) times: give more of what is around it, or have all replaced",
                    editMismatch: EditMismatch(index: UInt32(clamping: index), occurrences: UInt64(places.count))
                )
            }
            let size = self.bytes.count + places.count * (edit.new.count - edit.old.count)
            guard size <= maximumBytes else {
                throw BackendError(
                    .writeFailed,
                    reason: .tooLarge,
                    message: "\(path) would have \(size) bytes: at most \(maximumBytes) are edited"
                )
            }
            replace(places, edit, size: size)
            replacements.append(UInt64(places.count))
        }
    }

    private mutating func replace(_ places: [Int], _ edit: TextEdit, size: Int) {
        var result: [UInt8] = []
        result.reserveCapacity(size)
        var position = 0
        for place in places {
            result += bytes[position..<place]
            result += edit.new
            position = place + edit.old.count
        }
        result += bytes[position...]
        bytes = result
    }

    /// Where a text is, from the front; no two places overlap.
    private static func places(of wanted: [UInt8], in bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBytes { bytes in
            var places: [Int] = []
            var position = 0
            while let start = bytes.baseAddress,
                let found = linux_find_bytes(start + position, bytes.count - position, wanted, wanted.count, 0)
            {
                places.append(start.distance(to: found))
                position = start.distance(to: found) + wanted.count
            }
            return places
        }
    }
}
