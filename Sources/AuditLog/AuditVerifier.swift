internal import AgentBackend

/// Checks the chain of one org's log, file by file and line by line. A value without files: its driver reads them.
///
/// Each fault is named where it is, and once: after one, the lines behind are checked by what the line itself says.
struct AuditVerifier: Sendable {
    /// What the next record has to be.
    private struct Expectation {
        var sequence: UInt64
        /// The hash before it: as the line before carries it, and as it should be. Empty: nobody knows.
        var hashes: [AuditHash]
    }

    private let org: String
    private let key: AuditPublicKey?
    /// What the log has to reach, and where that is written.
    private var unmet: [(head: AuditHead, source: String)]
    private var expected: Expectation?
    private var log: String?
    private var file = ""
    private var line = 0
    private var firstFile: UInt64?
    /// As the last file says that begins.
    private var oldest: UInt64 = 0
    private(set) var report: AuditReport

    /// `key`: whose heads are believed; nil: whoever signed each. `heads`: that were kept beside the log, or elsewhere.
    init(org: String, key: AuditPublicKey?, heads: [(head: AuditHead, source: String)]) {
        self.org = org
        self.key = key
        unmet = heads
        report = AuditReport(org: org)
    }

    mutating func begin(_ segment: AuditSegment) {
        (file, line) = (segment.name, 0)
        report.files += 1
        firstFile = firstFile ?? segment.firstSequence
    }

    /// A file that is gone for its age meanwhile: what it said is not known, and nothing is missing for that.
    mutating func skip(_ segment: AuditSegment) {
        firstFile = firstFile ?? segment.firstSequence
        expected = nil
    }

    /// A line without its line feed.
    mutating func add(_ bytes: some RandomAccessCollection<UInt8>) {
        line += 1
        guard let (object, hash) = AuditChain.parts(of: bytes), let members = AuditMembers(object),
            let record = AuditRecord(members)
        else {
            find("is no record: it was changed, or cut", expected?.sequence)
            expected = expected.map { Expectation(sequence: $0.sequence + 1, hashes: []) }
            return
        }
        report.count(record)
        if line == 1 { checkFile(record, members) }
        if record.org != org { find("is of the org \"\(record.org)\"", record.sequence) }
        if record.kind == .cut { checkCut(record, members) }
        if record.kind == .head { checkHead(AuditHead(members), record) }
        checkChain(record, object, hash)
        for (head, source) in unmet where head.claim.covers == record.sequence && head.claim.hash != hash {
            find("is not the one that \(source) signs", record.sequence)
        }
        unmet.removeAll { $0.head.claim.covers <= record.sequence }
    }

    /// Bytes behind the last line feed.
    mutating func add(unfinished count: Int) {
        report.unfinishedBytes = count
    }

    mutating func end() {
        if let firstFile, firstFile > oldest, oldest > 0 {
            find("files before it are missing: the log says that its oldest record is \(oldest)", firstFile)
        }
        for (head, source) in unmet {
            let (end, covers) = (report.lastSequence, head.claim.covers)
            find("the log is cut off behind it: it ends at \(end), and \(source) signs it up to \(covers)", end)
        }
    }

    /// Something that is wrong with no line.
    mutating func find(in file: String, _ problem: String) {
        report.add(AuditFinding(file: file, line: 0, sequence: nil, problem: problem))
    }

    // MARK: -

    private mutating func checkChain(_ record: AuditRecord, _ object: [UInt8], _ hash: AuditHash) {
        var hashes = [hash]
        if let expected, expected.sequence == record.sequence {
            let computed = expected.hashes.map { $0.followed(by: object) }
            if let first = computed.first, !computed.contains(hash) {
                find("was changed", record.sequence)
                hashes.append(first)
            }
        } else if record.kind == .cut {
            // It says itself what is missing before it.
        } else if let expected, record.sequence > expected.sequence {
            let count = record.sequence - expected.sequence
            find("\(count) records before it are missing, from \(expected.sequence) on", record.sequence)
        } else if expected != nil {
            find("is out of its order, or there twice", record.sequence)
        }
        expected = Expectation(sequence: record.sequence + 1, hashes: hashes)
    }

    private mutating func checkFile(_ record: AuditRecord, _ members: AuditMembers) {
        guard record.kind == .file, let previous = members.text("previous").flatMap({ AuditHash(text: $0.utf8) }),
            let log = members.text("log"), let oldest = members.sequence("oldest")
        else { return find("does not begin a file", record.sequence) }
        if AuditSegment(firstSequence: record.sequence).name != file {
            find("is not the record that its file is named for: another file lies here", record.sequence)
        }
        if let known = self.log, known != log { find("begins a file of another log", record.sequence) }
        self.log = log
        self.oldest = oldest
        // What came before was given up for its age.
        expected = expected ?? Expectation(sequence: record.sequence, hashes: [previous])
    }

    private mutating func checkCut(_ record: AuditRecord, _ members: AuditMembers) {
        let (end, covers) = (members.sequence("end") ?? 0, members.sequence("covers") ?? 0)
        find(
            end < covers
                ? "the log was cut off before it while no broker ran: it ended at \(end), and was signed up to \(covers)"
                : "the records before it were not those that are signed up to \(covers): they were changed while no broker ran",
            record.sequence
        )
    }

    private mutating func checkHead(_ head: AuditHead?, _ record: AuditRecord) {
        guard let head, let signer = key ?? AuditPublicKey(text: head.key), signer.hasSigned(head) else {
            return find("is a head that the broker's key has not signed: it was forged", record.sequence)
        }
        let claim = head.claim
        guard claim.org == org, claim.log == log, claim.covers + 1 == record.sequence else {
            return find("is a head of another log, or of another place", record.sequence)
        }
        if let expected, expected.sequence == record.sequence, !expected.hashes.isEmpty,
            !expected.hashes.contains(claim.hash)
        {
            return find("signs other records than those before it: they were changed", record.sequence)
        }
        report.heads += 1
        report.signedSequence = claim.covers
        report.key = head.key
    }

    private mutating func find(_ problem: String, _ sequence: UInt64?) {
        report.add(AuditFinding(file: file, line: line, sequence: sequence, problem: problem))
    }
}

/// A place where a log is not what a broker wrote.
package struct AuditFinding: Sendable, Hashable {
    package let file: String
    /// From 1. 0: the file as a whole.
    package let line: Int
    package let sequence: UInt64?
    package let problem: String
}

/// What an examination of one org's log came to.
package struct AuditReport: Sendable, Hashable {
    package let org: String
    package fileprivate(set) var files = 0
    package fileprivate(set) var records = 0
    /// 0: there are none.
    package fileprivate(set) var firstSequence: UInt64 = 0
    package fileprivate(set) var lastSequence: UInt64 = 0
    package fileprivate(set) var heads = 0
    /// Up to here the records are signed; those behind only hang together.
    package fileprivate(set) var signedSequence: UInt64 = 0
    /// By whom.
    package fileprivate(set) var key = ""
    /// Events that the log says are missing.
    package fileprivate(set) var missing: UInt64 = 0
    /// Records that a broker which was killed had not written whole.
    package fileprivate(set) var tornRecords = 0
    /// At its end, of a record that is not whole: one is being written, or the broker was killed.
    package fileprivate(set) var unfinishedBytes = 0
    /// The first of them.
    package private(set) var findings: [AuditFinding] = []
    package private(set) var findingCount = 0

    /// Findings that are kept.
    private static let maximumFindings = 100

    fileprivate init(org: String) {
        self.org = org
    }

    fileprivate mutating func count(_ record: AuditRecord) {
        records += 1
        if firstSequence == 0 { firstSequence = record.sequence }
        lastSequence = max(lastSequence, record.sequence)
        // Any number may be written there.
        let (sum, isTooLarge) = missing.addingReportingOverflow(record.missing)
        missing = isTooLarge ? .max : sum
        if record.kind == .torn { tornRecords += 1 }
    }

    fileprivate mutating func add(_ finding: AuditFinding) {
        findingCount += 1
        if findings.count < Self.maximumFindings { findings.append(finding) }
    }
}
