internal import AgentBackend

/// The logs of all orgs. For one thread; all calls block.
struct JournalSet {
    private let directory: AuditDirectory
    private let key: AuditSigningKey
    private var journals: [String: Journal] = [:]
    /// Orgs whose events were not written the last time, and how many since they were.
    private var failing: [String: UInt64] = [:]

    /// Files that are kept open though nothing is to be written to them.
    private static let maximumIdle = 64

    init(directory: AuditDirectory, key: AuditSigningKey) {
        self.directory = directory
        self.key = key
    }

    /// What became of each event of a batch, and what is to be told about it.
    struct Outcome {
        var results: [Result<UInt64, AuditFault>]
        var notices: [AuditNotice] = []
    }

    mutating func write(
        _ events: [AuditEvent],
        missing: [String: UInt64],
        _ settings: AuditSettings,
        at now: AuditTime
    ) -> Outcome {
        let byOrg = Dictionary(grouping: events.indices) { events[$0].operation.org }
        var outcome = Outcome(results: events.map { _ in .success(0) })
        for org in Set(byOrg.keys).union(missing.keys) {
            let indices = byOrg[org] ?? []
            var journal = takeJournal(org)
            journal.add(missing: missing[org] ?? 0, because: "they came faster than they were written")
            let results = journal.append(indices.map { events[$0] }, settings, at: now)
            journals[org] = journal
            for (index, result) in zip(indices, results) { outcome.results[index] = result }
            if let notice = notice(org, results) { outcome.notices.append(notice) }
        }
        closeIdle()
        return outcome
    }

    /// Taken out, so that it is not copied when it is changed.
    private mutating func takeJournal(_ org: String) -> Journal {
        journals.removeValue(forKey: org)
            ?? Journal(org: org, directory: directory.subdirectory(org), key: key)
    }

    private mutating func notice(_ org: String, _ results: [Result<UInt64, AuditFault>]) -> AuditNotice? {
        let faults = results.compactMap { result -> AuditFault? in
            if case .failure(let fault) = result { fault } else { nil }
        }
        if let fault = faults.last {
            let wasFailing = failing.updateValue((failing[org] ?? 0) + UInt64(faults.count), forKey: org) != nil
            return wasFailing ? nil : .failing(org: org, fault)
        }
        guard !results.isEmpty, let missing = failing.removeValue(forKey: org) else { return nil }
        return .recovered(org: org, missing: missing)
    }

    /// Goes on with the logs that are there: what a broker that was killed left of a record is set aside. Throws where one
    /// cannot be gone on with, but not for a full disk.
    mutating func recover(at now: AuditTime) throws(AuditFault) {
        for org in try directory.names() where AuditFiles.isLog(org) {
            var journal = takeJournal(org)
            do {
                try journal.open(at: now)
            } catch {
                if error.isDamage { throw error }
            }
            journals[org] = journal
        }
        closeIdle()
    }

    mutating func tick(_ settings: AuditSettings, at now: AuditTime) {
        for org in Array(journals.keys) {
            guard journals[org]?.nextDue(settings).map({ $0 <= now.elapsed }) ?? false else { continue }
            var journal = takeJournal(org)
            journal.tick(settings, at: now)
            journals[org] = journal
        }
        closeIdle()
    }

    func nextDue(_ settings: AuditSettings) -> Duration? {
        journals.values.compactMap { $0.nextDue(settings) }.min()
    }

    private mutating func closeIdle() {
        guard journals.count > Self.maximumIdle else { return }
        let idle = journals.filter { $0.value.isIdle }.keys
        for org in idle.dropFirst(Self.maximumIdle) {
            var journal = takeJournal(org)
            journal.closeFile()
            journals[org] = nil
        }
    }

    mutating func close(_ settings: AuditSettings, at now: AuditTime) {
        for org in Array(journals.keys) {
            var journal = takeJournal(org)
            journal.close(settings, at: now)
        }
    }
}

/// What an operator is told of a log.
package enum AuditNotice: Sendable {
    /// Records of an org cannot be written. Said once, until they can.
    case failing(org: String, AuditFault)
    /// They can be again; so many are missing.
    case recovered(org: String, missing: UInt64)
}
