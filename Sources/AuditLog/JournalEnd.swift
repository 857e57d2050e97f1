internal import Glibc

/// Where a log that is there ends: what a broker finds that goes on with it.
struct JournalEnd {
    let name: String
    let log: String
    /// The place of the next record.
    let chain: AuditChain
    /// Of the file, up to the end of its last whole record.
    let bytes: Int
    /// What follows: a record that was not written whole.
    let tornBytes: Int
    /// When the file was begun.
    let began: Int64
    /// Its last record is no head.
    let hasUnsigned: Bool

    /// Bytes at the end of a file in which there has to be a whole record.
    private static let tailLength = 1 << 20
    /// Of the first record of a file.
    static let firstLineLength = 4096

    /// Nil: there is no log. Fails with `EBADMSG` for one that cannot be gone on with.
    static func find(in directory: AuditDirectory) throws(AuditFault) -> JournalEnd? {
        for segment in try directory.segments().reversed() {
            if let end = try find(in: segment, directory) { return end }
        }
        return nil
    }

    /// Nil: nothing of the file was written but a part of its first record; it is removed.
    private static func find(
        in segment: AuditSegment,
        _ directory: AuditDirectory
    ) throws(AuditFault) -> JournalEnd? {
        let descriptor = try directory.open(segment.name, O_RDONLY)
        defer { close(descriptor) }
        let size = try directory.size(of: descriptor, segment.name)
        let start = try directory.read(descriptor, segment.name, from: 0, count: min(size, firstLineLength))
        guard let firstEnd = start.firstIndex(of: newline) else {
            guard size < firstLineLength else { throw unusable(segment, directory) }
            unlink(directory.path(of: segment.name))
            return nil
        }
        guard let first = AuditMembers(start[..<firstEnd]), let log = first.text("log"),
            let began = first.integer("time_ns")
        else { throw unusable(segment, directory) }

        let offset = max(0, size - tailLength)
        let tail = try directory.read(descriptor, segment.name, from: offset, count: size - offset)
        var end = tail.endIndex
        while let newline = tail[..<end].lastIndex(of: newline) {
            let begin = tail[..<newline].lastIndex(of: Self.newline).map { $0 + 1 } ?? 0
            // Also what a disk makes of a file when the host loses power: bytes that nobody wrote.
            if begin > 0 || offset == 0, let (object, hash) = AuditChain.parts(of: tail[begin..<newline]),
                let members = AuditMembers(object), let sequence = members.sequence("seq")
            {
                let bytes = offset + newline + 1
                return JournalEnd(
                    name: segment.name,
                    log: log,
                    chain: AuditChain(sequence: sequence + 1, hash: hash),
                    bytes: bytes,
                    tornBytes: size - bytes,
                    began: began,
                    hasUnsigned: members.text("kind") != AuditRecord.Kind.head.rawValue
                )
            }
            end = newline
        }
        throw unusable(segment, directory)
    }

    private static let newline = UInt8(ascii: "\n")

    private static func unusable(_ segment: AuditSegment, _ directory: AuditDirectory) -> AuditFault {
        AuditFault("continue", directory.path(of: segment.name), errno: EBADMSG)
    }
}
