internal import AgentBackend
internal import Glibc

/// The log of one org: its files, and where its chain is. For one thread; all calls block.
struct Journal {
    let org: String
    private let directory: AuditDirectory
    private let key: AuditSigningKey
    private var plan = JournalPlan()
    private var file: OpenFile?
    /// Events that are missing and of which no record says so yet.
    private var missing: UInt64 = 0
    /// When the last of them was given up, and why.
    private var missingBecause = ""

    private struct OpenFile {
        let name: String
        let descriptor: Int32
        /// Tells the logs of one org apart.
        let log: String
        var chain: AuditChain
    }

    /// Lines that are written together, and what they make of the chain.
    private struct Batch {
        var bytes: [UInt8] = []
        var lines: [Line] = []

        struct Line {
            let end: Int
            let chain: AuditChain
            let content: Content
        }

        enum Content {
            case event
            case head(AuditHead)
            case gap(UInt64)
            case notice
        }
    }

    init(org: String, directory: AuditDirectory, key: AuditSigningKey) {
        self.org = org
        self.directory = directory
        self.key = key
    }

    /// It keeps a descriptor, which it could do without until the next event.
    var isIdle: Bool { file != nil && plan.isSettled && missing == 0 }

    // MARK: Events

    /// Events that were given up before they came here.
    mutating func add(missing count: UInt64, because reason: String) {
        guard count > 0 else { return }
        missing += count
        missingBecause = reason
    }

    /// Writes them, and says for each under which sequence, or why not. Those that are not written are missing.
    mutating func append(
        _ events: [AuditEvent],
        _ settings: AuditSettings,
        at now: AuditTime
    ) -> [Result<UInt64, AuditFault>] {
        var results: [Result<UInt64, AuditFault>] = []
        var fault: AuditFault?
        do throws(AuditFault) {
            try write(events, &results, settings, at: now)
        } catch {
            fault = error
            plan.failed(at: now)
            add(missing: UInt64(events.count - results.count), because: error.summary)
        }
        // Also where only some are written: whoever waits for those is told that they are on the disk.
        if settings.sync == .each, !results.isEmpty {
            do throws(AuditFault) {
                try sync()
            } catch {
                // What is written stays so; it is just not known to be on the disk.
                results = results.map { _ in .failure(error) }
                plan.failed(at: now)
            }
        }
        if let fault { results += (results.count..<events.count).map { _ in .failure(fault) } }
        return results
    }

    private mutating func write(
        _ events: [AuditEvent],
        _ results: inout [Result<UInt64, AuditFault>],
        _ settings: AuditSettings,
        at now: AuditTime
    ) throws(AuditFault) {
        try open(at: now)
        var batch = Batch()
        stageGap(&batch, at: now)
        for event in events {
            var line = eventLine(event, batch)
            if plan.needsFile(for: batch.bytes.count + line.bytes.count, settings, at: now) {
                try flush(&batch, &results, at: now)
                try beginFile(settings, at: now)
                line = eventLine(event, batch)
            }
            stage(line, .event, &batch)
        }
        if plan.needsHead(settings, at: now) || batch.lines.count >= settings.recordsPerHead {
            stageHead(&batch, at: now)
        }
        try flush(&batch, &results, at: now)
    }

    private func eventLine(_ event: AuditEvent, _ batch: Batch) -> (bytes: [UInt8], next: AuditChain) {
        chain(after: batch).line(event.kind.rawValue, at: event.operation.time) { event.add(to: &$0) }
    }

    private func chain(after batch: Batch) -> AuditChain { batch.lines.last?.chain ?? file?.chain ?? AuditChain() }

    private func stage(_ line: (bytes: [UInt8], next: AuditChain), _ content: Batch.Content, _ batch: inout Batch) {
        batch.bytes += line.bytes
        batch.lines.append(Batch.Line(end: batch.bytes.count, chain: line.next, content: content))
    }

    private func stageGap(_ batch: inout Batch, at now: AuditTime) {
        guard missing > 0 else { return }
        let line = chain(after: batch).line(AuditRecord.Kind.gap.rawValue, at: now.wall) { line in
            line.add("org", org)
            line.add("missing", missing)
            line.add("reason", missingBecause)
        }
        stage(line, .gap(missing), &batch)
    }

    private func stageHead(_ batch: inout Batch, at now: AuditTime) {
        let chain = chain(after: batch)
        guard let file,
            let head = key.sign(
                AuditHead.Claim(org: org, log: file.log, covers: chain.sequence - 1, hash: chain.hash)
            )
        else { return }
        stage(
            chain.line(AuditRecord.Kind.head.rawValue, at: now.wall) { head.add(to: &$0) },
            .head(head),
            &batch
        )
    }

    /// Writes the batch with one call, and empties it. What was written of a line that is not whole is taken back.
    private mutating func flush(
        _ batch: inout Batch,
        _ results: inout [Result<UInt64, AuditFault>],
        at now: AuditTime
    ) throws(AuditFault) {
        guard !batch.bytes.isEmpty, var file else { return }
        let written = AuditDirectory.write(batch.bytes, to: file.descriptor)
        let fault = AuditFault("write", directory.path(of: file.name))
        var head: AuditHead?
        var unsigned = 0
        var end = 0
        for line in batch.lines.prefix(while: { $0.end <= written }) {
            unsigned += 1
            switch line.content {
            case .event: results.append(.success(line.chain.sequence - 1))
            case .gap(let count): missing -= count
            case .head(let signed): (head, unsigned) = (signed, 0)
            case .notice: break
            }
            file.chain = line.chain
            end = line.end
        }
        self.file = file
        if head != nil { plan.signed() }
        plan.appended(bytes: end, records: unsigned, at: now)
        let isWhole = end == batch.bytes.count
        if !isWhole, ftruncate(file.descriptor, off_t(plan.fileBytes)) != 0 {
            // Found out about when it is opened again.
            closeFile()
        }
        batch = Batch()
        // What was written before stays where this one cannot be. Heads are many under load: no wait for the disk.
        if let head { try? directory.replace(Self.headFile, with: head.file, isSynced: false) }
        if !isWhole { throw fault }
    }

    // MARK: Time

    /// What has to be done though no event comes.
    mutating func tick(_ settings: AuditSettings, at now: AuditTime) {
        do throws(AuditFault) {
            if plan.needsHead(settings, at: now) { try writeHead(at: now) }
            if plan.needsSync(settings, at: now) { try sync() }
        } catch {
            plan.failed(at: now)
        }
    }

    func nextDue(_ settings: AuditSettings) -> Duration? { plan.nextDue(settings) }

    private mutating func writeHead(at now: AuditTime) throws(AuditFault) {
        try open(at: now)
        var batch = Batch()
        stageGap(&batch, at: now)
        stageHead(&batch, at: now)
        var results: [Result<UInt64, AuditFault>] = []
        try flush(&batch, &results, at: now)
    }

    private mutating func sync() throws(AuditFault) {
        // Let go of for a failure: what was written to it cannot be told of.
        guard let file else { throw AuditFault("fdatasync", directory.path, errno: EIO) }
        guard fdatasync(file.descriptor) == 0 else { throw AuditFault("fdatasync", directory.path(of: file.name)) }
        plan.synced()
    }

    /// Signs what is not, and lets go of the file. What cannot be written then is lost.
    mutating func close(_ settings: AuditSettings, at now: AuditTime) {
        if plan.hasUnsigned || missing > 0 { try? writeHead(at: now) }
        if settings.sync != .none { try? sync() }
        closeFile()
    }

    mutating func closeFile() {
        if let file { _ = Glibc.close(file.descriptor) }
        file = nil
    }

    // MARK: Files

    static let headFile = "head.json"

    /// Goes on where the log ended, or begins it.
    mutating func open(at now: AuditTime) throws(AuditFault) {
        guard file == nil else { return }
        _ = try AuditDirectory.make(directory.path)
        var setAside: [SetAside] = []
        let found = try JournalEnd.find(in: directory, &setAside)
        var unmet = try signedHead()
        if let found {
            if let head = unmet, try found.meets(head, in: directory) { unmet = nil }
            let descriptor = try directory.open(found.name, O_WRONLY | O_APPEND)
            file = OpenFile(name: found.name, descriptor: descriptor, log: found.log, chain: found.chain)
            plan.opened(fileBytes: found.bytes, began: found.began)
            if found.hasUnsigned { plan.foundUnsigned(at: now) }
        } else if let claim = unmet?.claim {
            let chain = AuditChain(sequence: claim.covers + 1, hash: claim.hash)
            try makeFile(chain, log: claim.log, oldest: chain.sequence, at: now)
        } else {
            var random = SystemRandomNumberGenerator()
            let log = Hex.text((0..<8).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            try makeFile(AuditChain(), log: log, oldest: 1, at: now)
        }
        do throws(AuditFault) {
            if let found, found.tornBytes > 0 { setAside.append(try setAsideTornEnd(found)) }
            var batch = Batch()
            if let unmet { stageCut(found?.chain ?? AuditChain(), unmet, &batch, at: now) }
            for piece in setAside { stageTorn(piece, &batch, at: now) }
            // What was found is told once: from there on the log is signed anew.
            if unmet != nil { stageHead(&batch, at: now) }
            var results: [Result<UInt64, AuditFault>] = []
            try flush(&batch, &results, at: now)
        } catch {
            // A file that was begun for this would hide it the next time.
            if found == nil, let file { unlink(directory.path(of: file.name)) }
            closeFile()
            throw error
        }
    }

    /// How far the log has to go. Nil: nobody knows.
    private func signedHead() throws(AuditFault) -> AuditHead? {
        guard let head = try directory.read(Self.headFile, atMost: 4096).flatMap({ AuditHead(file: $0) }),
            head.claim.org == org, key.publicKey.hasSigned(head)
        else { return nil }
        return head
    }

    /// The log ends at `end`, and that is not what `head` signs: no sequence that was signed is given to another record.
    private mutating func stageCut(_ end: AuditChain, _ head: AuditHead, _ batch: inout Batch, at now: AuditTime) {
        let claim = head.claim
        if let present = file?.chain, present.sequence <= claim.covers {
            file?.chain = AuditChain(sequence: claim.covers + 1, hash: claim.hash)
        }
        let line = chain(after: batch).line(AuditRecord.Kind.cut.rawValue, at: now.wall) { line in
            line.add("org", org)
            line.add("end", end.sequence - 1)
            line.add("end_hash", end.hash.text)
            line.add("covers", claim.covers)
            line.add("covers_hash", claim.hash.text)
        }
        stage(line, .notice, &batch)
    }

    /// Nothing of what is there is lost, and nothing of it is taken for a record.
    private func setAsideTornEnd(_ end: JournalEnd) throws(AuditFault) -> SetAside {
        let name = AuditSegment(firstSequence: end.chain.sequence).tornName
        let reader = try directory.open(end.name, O_RDWR)
        defer { _ = Glibc.close(reader) }
        try directory.replace(name, with: try directory.read(reader, end.name, from: end.bytes, count: end.tornBytes))
        guard ftruncate(reader, off_t(end.bytes)) == 0 else {
            throw AuditFault("truncate", directory.path(of: end.name))
        }
        return SetAside(name: name, bytes: end.tornBytes)
    }

    private func stageTorn(_ piece: SetAside, _ batch: inout Batch, at now: AuditTime) {
        let line = chain(after: batch).line(AuditRecord.Kind.torn.rawValue, at: now.wall) { line in
            line.add("org", org)
            line.add("bytes", piece.bytes)
            line.add("kept_in", piece.name)
        }
        stage(line, .notice, &batch)
    }

    /// The present file is full: it ends with a head, and the oldest ones go.
    private mutating func beginFile(_ settings: AuditSettings, at now: AuditTime) throws(AuditFault) {
        if plan.hasUnsigned { try writeHead(at: now) }
        guard let full = file else { return }
        if settings.sync != .none { try sync() }
        let segments = try directory.segments()
        let kept = segments.suffix(max(1, settings.maximumFiles - 1))
        let oldest = kept.first?.firstSequence ?? full.chain.sequence
        try makeFile(full.chain, log: full.log, oldest: oldest, at: now)
        _ = Glibc.close(full.descriptor)
        for name in try directory.names() {
            let isOld =
                (AuditSegment(name: name) ?? AuditSegment(torn: name)).map { $0.firstSequence < oldest } ?? false
            if isOld { unlink(directory.path(of: name)) }
        }
    }

    private mutating func makeFile(
        _ chain: AuditChain,
        log: String,
        oldest: UInt64,
        at now: AuditTime
    ) throws(AuditFault) {
        let name = AuditSegment(firstSequence: chain.sequence).name
        let line = chain.line(AuditRecord.Kind.file.rawValue, at: now.wall) { line in
            line.add("org", org)
            line.add("log", log)
            line.add("previous", chain.hash.text)
            line.add("oldest", oldest)
            line.add("format", 1)
        }
        let descriptor = try directory.open(name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
        guard AuditDirectory.write(line.bytes, to: descriptor) == line.bytes.count else {
            let fault = AuditFault("write", directory.path(of: name))
            unlink(directory.path(of: name))
            _ = Glibc.close(descriptor)
            throw fault
        }
        file = OpenFile(name: name, descriptor: descriptor, log: log, chain: line.next)
        plan.opened(fileBytes: 0, began: now.wall)
        plan.appended(bytes: line.bytes.count, records: 1, at: now)
    }
}
