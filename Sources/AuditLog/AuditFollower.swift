internal import Glibc

/// Reads what is added to an org's log, also when it goes on in another file. For one caller; all calls block.
package struct AuditFollower: Sendable {
    private let directory: AuditDirectory
    private var segment: AuditSegment?
    private var offset: Int
    /// Of the last record that was told.
    private var last: UInt64 = 0

    private static let pieceLength = 256 << 10

    init(_ directory: AuditDirectory) throws(AuditFault) {
        self.directory = directory
        segment = try directory.segments().last
        offset = 0
        guard let segment else { return }
        let descriptor = try directory.open(segment.name, O_RDONLY)
        defer { close(descriptor) }
        offset = try directory.size(of: descriptor, segment.name)
        // To the beginning of a record that is being written.
        let start = max(0, offset - Self.pieceLength)
        let tail = try directory.read(descriptor, segment.name, from: start, count: offset - start)
        offset = tail.lastIndex(of: UInt8(ascii: "\n")).map { start + $0 + 1 } ?? 0
    }

    /// Records up to this one are known.
    package mutating func skip(to sequence: UInt64) {
        last = max(last, sequence)
    }

    /// Some of the records that came since; none: there are none.
    package mutating func next() throws(AuditFault) -> [AuditRecord] {
        let segments = try directory.segments()
        if segment == nil { segment = segments.first }
        while let segment {
            let lines = try read(segment)
            let records = lines.compactMap { AuditRecord(line: $0) }.filter { $0.sequence > last }
            last = records.last?.sequence ?? last
            if !lines.isEmpty { return records }
            // A file is done when there is another behind it.
            guard let next = segments.first(where: { $0.firstSequence > segment.firstSequence }) else { return [] }
            self.segment = next
            offset = 0
        }
        return []
    }

    /// The whole lines of the next piece. Empty: there is none, also where the file went for its age.
    private mutating func read(_ segment: AuditSegment) throws(AuditFault) -> [ArraySlice<UInt8>] {
        let descriptor: Int32
        do {
            descriptor = try directory.open(segment.name, O_RDONLY)
        } catch {
            if error.errno == ENOENT { return [] }
            throw error
        }
        defer { close(descriptor) }
        let piece = try directory.read(descriptor, segment.name, from: offset, count: Self.pieceLength)
        guard let end = piece.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        offset += end + 1
        return piece[...end].split(separator: UInt8(ascii: "\n"))
    }
}

extension AuditFiles {
    /// For what comes from now on.
    package func follower(of org: String) throws(AuditFault) -> AuditFollower { try AuditFollower(self.org(org)) }
}
