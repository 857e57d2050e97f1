internal import Glibc

extension AuditFiles {
    /// Bytes of logs that one call looks through.
    private static var maximumBytes: Int { 4 << 20 }
    /// And of each log at least, where it looks through many.
    private static var minimumBytes: Int { 64 << 10 }

    /// At most `limit` records of an org that match, the newest first, with sequences below `before`; 0: from the newest
    /// on. Fewer, also none, where much of the log was looked through before there were as many.
    package func page(
        of org: String,
        _ query: AuditQuery,
        before: UInt64 = 0,
        limit: Int
    ) throws(AuditFault) -> AuditPage {
        let position = before == 0 ? AuditPosition.end : .beforeSequence(before)
        let found = try matches(of: org, query, position, limit: limit, maximumBytes: Self.maximumBytes)
        return AuditPage(records: found.records, nextBefore: found.oldest?.sequence ?? 0)
    }

    /// The same of several orgs together, by time. `before`: nanoseconds since 1970-01-01 UTC.
    package func page(
        ofAll orgs: [String],
        _ query: AuditQuery,
        before: UInt64 = 0,
        limit: Int
    ) throws(AuditFault) -> AuditPage {
        let position = before == 0 ? AuditPosition.end : .beforeTime(Int64(clamping: before))
        let bytes = max(Self.minimumBytes, Self.maximumBytes / max(1, orgs.count))
        var records: [AuditRecord] = []
        // What is older than this is not known of all.
        var horizon = Int64.min
        for org in orgs {
            let found = try matches(of: org, query, position, limit: limit, maximumBytes: bytes)
            records += found.records
            if let oldest = found.oldest { horizon = max(horizon, oldest.time) }
        }
        records = records.filter { $0.time >= horizon }.sorted { ($0.time, $0.sequence) > ($1.time, $1.sequence) }
        guard records.count > limit else {
            return AuditPage(records: records, nextBefore: horizon == .min ? 0 : UInt64(clamping: horizon))
        }
        // Those of one moment stay together: the next page begins before it.
        let last = records[limit - 1].time
        records = Array(records.prefix { $0.time >= last })
        return AuditPage(records: records, nextBefore: UInt64(clamping: last))
    }

    /// Records that match, the newest first, and the oldest that was looked at; nil: there is nothing older.
    private func matches(
        of org: String,
        _ query: AuditQuery,
        _ position: AuditPosition,
        limit: Int,
        maximumBytes: Int
    ) throws(AuditFault) -> (records: [AuditRecord], oldest: AuditRecord?) {
        let directory = self.org(org)
        var search = AuditSearch(query, position, limit: limit, maximumBytes: maximumBytes)
        for segment in try directory.segments().reversed() {
            if case .beforeSequence(let sequence) = position, segment.firstSequence >= sequence { continue }
            let descriptor: Int32
            do {
                descriptor = try directory.open(segment.name, O_RDONLY)
            } catch {
                // It went for its age meanwhile, and so did all before it.
                if error.errno == ENOENT { break }
                throw error
            }
            defer { close(descriptor) }
            let size = try directory.size(of: descriptor, segment.name)
            var lines = BackwardLines(directory, descriptor, segment.name, end: size)
            try lines.seek(to: position)
            while let line = try lines.next() {
                switch search.look(at: line) {
                case .goOn: break
                case .stop: return (search.records, search.oldest)
                case .end: return (search.records, nil)
                }
            }
        }
        return (search.records, nil)
    }
}

/// A search from the newest record to the oldest. A value.
private struct AuditSearch {
    enum Next {
        case goOn
        /// It has what it may have.
        case stop
        /// There is nothing older that is asked for.
        case end
    }

    let query: AuditQuery
    let position: AuditPosition
    let limit: Int
    var budget: Int
    var records: [AuditRecord] = []
    var oldest: AuditRecord?

    init(_ query: AuditQuery, _ position: AuditPosition, limit: Int, maximumBytes: Int) {
        self.query = query
        self.position = position
        self.limit = limit
        budget = maximumBytes
    }

    mutating func look(at line: ArraySlice<UInt8>) -> Next {
        budget -= line.count + 1
        guard let record = AuditRecord(line: line), !position.precedes(record) else {
            // Without a record there is no place to go on from.
            return budget <= 0 && oldest != nil ? .stop : .goOn
        }
        // Whoever asks names any time there is.
        if let time = query.time, record.time < time.lowerBound.saturatingSubtraction(Self.clockSlack) { return .end }
        oldest = record
        if query.matches(record) { records.append(record) }
        // The first record of all has nothing before it.
        guard record.sequence > 1 else { return .end }
        return records.count >= limit || budget <= 0 ? .stop : .goOn
    }

    /// So far a host's clock may have been set back, and a record that is older by it is not missed.
    private static var clockSlack: Int64 { 3600 * 1_000_000_000 }
}
