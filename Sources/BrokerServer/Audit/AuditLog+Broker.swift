internal import AgentBackend
internal import AuditLog
internal import Logging

extension AuditLog {
    /// That of a broker's root. Nil: it keeps none.
    static func open(
        _ configuration: BrokerConfiguration.Audit,
        _ root: BrokerRoot,
        _ time: BrokerTime,
        _ logger: Logger
    ) throws(BackendError) -> AuditLog? {
        guard configuration.isEnabled else { return nil }
        return try AuditLog(
            path: "\(root.path)/\(AuditFiles.directoryName)",
            settings: configuration.settings,
            clock: AuditClock(wall: time.wallClock, elapsed: time.elapsed, sleep: time.sleep)
        ) { notice in
            switch notice {
            case .failing(let org, let fault):
                logger.error("the audit log cannot be written", metadata: ["org": "\(org)", "why": "\(fault)"])
            case .recovered(let org, let missing):
                logger.notice(
                    "the audit log is written again",
                    metadata: ["org": "\(org)", "missing_records": "\(missing)"]
                )
            }
        }
    }
}

extension ReloadStep {
    /// Whether there is one is decided at the start.
    static func audit(_ audit: CallAudit?) -> ReloadStep {
        ReloadStep { change in { audit?.update(change.new.audit.settings) } }
    }
}
