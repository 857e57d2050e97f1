internal import AgentBackend
internal import Glibc

extension AuditFiles {
    /// Checks all of an org's log: that no record was changed, removed or added, and that it goes as far as the broker has
    /// signed. It may be written meanwhile.
    ///
    /// - Parameters:
    ///   - key: whose signatures count; nil: that of the log's own key.
    ///   - kept: a head that was taken elsewhere earlier.
    package func verify(
        _ org: String,
        key: AuditPublicKey? = nil,
        kept: AuditHead? = nil
    ) throws(AuditFault) -> AuditReport {
        let directory = self.org(org)
        let broker = try publicKey()
        let key = key ?? broker
        // Before the records: the log may go further meanwhile.
        let head = try directory.read(Journal.headFile, atMost: 4096).flatMap { AuditHead(file: $0) }
        let heads = [(head, Journal.headFile), (kept, "the head that was kept")].compactMap { head, source in
            head.map { (head: $0, source: source) }
        }
        let isGenuine = { (head: AuditHead) in head.claim.org == org && key?.hasSigned(head) ?? true }
        var verifier = AuditVerifier(org: org, key: key, heads: heads.filter { isGenuine($0.head) })
        for (head, source) in heads where !isGenuine(head) {
            verifier.find(in: source, "is not signed by the broker's key for this org: it was forged, or is another's")
        }
        try read(try directory.segments(), directory, &verifier)
        verifier.end()
        if head == nil, verifier.report.heads > 0 {
            verifier.find(in: Journal.headFile, "is missing or damaged, and the log has been signed: put it back")
        }
        return verifier.report
    }

    /// The files of a log as they were listed; those that were given up for their age since are left out.
    func read(
        _ segments: [AuditSegment],
        _ directory: AuditDirectory,
        _ verifier: inout AuditVerifier
    ) throws(AuditFault) {
        for segment in segments {
            do throws(AuditFault) {
                try read(segment, directory, &verifier)
            } catch {
                guard error.errno == ENOENT, let oldest = try directory.segments().first,
                    oldest.firstSequence > segment.firstSequence
                else { throw error }
                verifier.skip(segment)
            }
        }
    }

    private func read(
        _ segment: AuditSegment,
        _ directory: AuditDirectory,
        _ verifier: inout AuditVerifier
    ) throws(AuditFault) {
        let descriptor = try directory.open(segment.name, O_RDONLY)
        defer { close(descriptor) }
        verifier.begin(segment)
        var rest: ArraySlice<UInt8> = []
        var offset = 0
        while true {
            let piece = try directory.read(descriptor, segment.name, from: offset, count: Self.pieceLength)
            guard !piece.isEmpty else { break }
            offset += piece.count
            rest += piece
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                verifier.add(rest[..<end])
                rest = rest[(end + 1)...]
            }
            // No line is as long; what is there is named once, and in bounds.
            if rest.count > Self.longestLine { rest = rest.prefix(Self.longestLine) }
        }
        verifier.add(unfinished: rest.count)
    }

    private static var pieceLength: Int { 256 << 10 }
    private static var longestLine: Int { 1 << 20 }
}
