package import AuditLog

extension BrokerConfiguration {
    /// The audit log: what was done in each org and what was refused, in files beneath ROOT/audit.
    package struct Audit: Sendable, Hashable {
        /// Off unless asked for: it takes room on the disk that nobody else gives back, keeps what people did for as long
        /// as its files last, and costs each operation that changes something a little.
        package var isEnabled = false
        package var settings = AuditSettings()
    }
}

extension BrokerConfiguration.Audit {
    static let fields: [Field<Self>] = [
        .value("enabled", \.isEnabled, .flag).fixed,
        .value("on_failure", \.settings.onFailure, .choice),
        .value("sync", \.settings.sync, .choice),
        .value("sync_interval", \.settings.syncInterval, .duration(.milliseconds(10) ... .seconds(3600))),
        .value("max_file_bytes", \.settings.maximumFileBytes, .size(16 << 10...1 << 40)),
        .value("max_file_age", \.settings.maximumFileAge, .duration(.seconds(1) ... .seconds(3650 * 86_400))),
        .value("max_files", \.settings.maximumFiles, .count(2...100_000)),
        .value("max_records_unsigned", \.settings.recordsPerHead, .count(1...1_000_000)),
        .value("max_time_unsigned", \.settings.timePerHead, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("max_queued_bytes", \.settings.maximumQueuedBytes, .size(64 << 10...1 << 30)),
        .value("write_timeout", \.settings.patience, .duration(.milliseconds(10) ... .seconds(600))),
    ]
}
