internal import Glibc

/// What is no record, in a file of its own.
struct SetAside {
    let name: String
    let bytes: Int
}

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

    /// Nil: there is no log. A file that cannot be gone on with is set aside, and the one before it is gone on with: what
    /// was done to one org's log keeps no broker from starting.
    static func find(in directory: AuditDirectory, _ setAside: inout [SetAside]) throws(AuditFault) -> JournalEnd? {
        for segment in try directory.segments().reversed() {
            do throws(AuditFault) {
                if let end = try find(in: segment, directory) { return end }
            } catch {
                guard error.errno == EBADMSG else { throw error }
                setAside.append(try self.setAside(segment, directory))
            }
        }
        return nil
    }

    /// Fails with `EBADMSG` where something else lies there.
    private static func setAside(_ segment: AuditSegment, _ directory: AuditDirectory) throws(AuditFault) -> SetAside {
        let descriptor = try directory.open(segment.name, O_RDONLY)
        defer { close(descriptor) }
        let piece = SetAside(name: segment.tornName, bytes: try directory.size(of: descriptor, segment.name))
        guard access(directory.path(of: piece.name), F_OK) != 0,
            rename(directory.path(of: segment.name), directory.path(of: piece.name)) == 0
        else { throw unusable(segment, directory) }
        return piece
    }

    /// Whether the log is what a head signs of it: it goes as far, and the record that it covers is the same, where that is
    /// still there.
    func meets(_ head: AuditHead, in directory: AuditDirectory) throws(AuditFault) -> Bool {
        let claim = head.claim
        guard claim.log == log, chain.sequence > claim.covers else { return false }
        guard let segment = try directory.segments().last(where: { $0.firstSequence <= claim.covers }) else {
            return true
        }
        let descriptor = try directory.open(segment.name, O_RDONLY)
        defer { close(descriptor) }
        let size = try directory.size(of: descriptor, segment.name)
        var lines = BackwardLines(directory, descriptor, segment.name, end: size)
        try lines.seek(to: .beforeSequence(claim.covers + 1))
        while let line = try lines.next() {
            guard let (object, hash) = AuditChain.parts(of: line),
                let sequence = AuditMembers(object)?.sequence("seq"), sequence <= claim.covers
            else { continue }
            // One that is missing is for an examination to find.
            return sequence < claim.covers || hash == claim.hash
        }
        return true
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
