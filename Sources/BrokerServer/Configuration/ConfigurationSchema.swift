internal import AgentBackend
import Logging

// What may stand in the configuration file. A new key is one line here and the member that it sets. One that a broker
// cannot take over while it runs says `fixed`; all others need a place in the reload, see ``ReloadStep``.

extension BrokerConfiguration {
    static let fields: [Field<Self>] = [
        .value("root", \.root, .absolutePath(length: 1024)).fixed,
        .values("listen", \.listen, .listenAddress).fixed,
        .optional("unix_socket", \.unixSocket, .absolutePath(length: 107)).fixed,
        .value("node", \.node, .name("node name")).fixed,
        .section("tls", \.tls, TLS.fields),
        .section("http", \.http, HTTP.fields),
        .section("limits", \.limits, Limits.fields),
        .section("pool", \.pool, Pool.fields),
        .section("exec", \.exec, Exec.fields),
        .section("memory", \.memory, Memory.fields),
        .section("watch", \.watch, Watch.fields),
        .section("files", \.files, FileCallLimits.fields),
        .section("retention", \.retention, Retention.fields),
        .section("identities", \.identities, Identities.fields),
        .section("log", \.log, Log.fields),
        .section("audit", \.audit, Audit.fields),
        .sections("orgs", \.orgs, OrgConfiguration.fields, blank: OrgConfiguration(name: "")) { $0.name },
    ]
}

extension BrokerConfiguration.TLS {
    static let fields: [Field<Self>] = [
        .optional("cert", \.certificate, .absolutePath(length: 4095)),
        .optional("key", \.key, .absolutePath(length: 4095)),
        .optional("client_ca", \.clientAuthorities, .absolutePath(length: 4095)),
        .values("plain_listen", \.plainListen, .listenAddress).fixed,
        .value("unix_socket", \.onUnixSocket, .flag).fixed,
    ]
}

extension BrokerConfiguration.HTTP {
    static let fields: [Field<Self>] = [
        .values("listen", \.listen, .listenAddress).fixed,
        .values("allowed_origins", \.allowedOrigins, .origin),
        .value("max_connections", \.maxConnections, .count(1...1_000_000)),
        .value("max_body_bytes", \.maxBodyBytes, .size(4 << 10...256 << 20)),
        .value("max_body_bytes_in_flight", \.maxBodyBytesInFlight, .size(4 << 10...1 << 40)),
        .value("body_timeout", \.bodyTimeout, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("idle_timeout", \.idleTimeout, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("write_timeout", \.writeTimeout, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("max_sessions", \.maxSessions, .count(1...1_000_000)),
        .value("max_sessions_per_token", \.maxSessionsPerToken, .count(1...1_000_000)),
        .value("session_idle_timeout", \.sessionIdleTimeout, .duration(.seconds(1) ... .seconds(86_400))),
        .value("max_dashboard_sessions", \.maxDashboardSessions, .count(1...10_000)),
        .value("max_event_streams", \.maxEventStreams, .count(1...10_000)),
        .value("max_tokens", \.maxTokens, .count(1...100_000)),
        .value("max_result_bytes", \.maxResultBytes, .size(4 << 10...16 << 20)),
        .value("max_media_bytes", \.maxMediaBytes, .size(4 << 10...64 << 20)),
        .value("max_commands", \.maxCommands, .count(1...100_000)),
        .value("max_commands_per_key", \.maxCommandsPerKey, .count(1...10_000)),
        .value("command_output_bytes", \.commandOutputBytes, .size(4 << 10...64 << 20)),
        .optional("metrics_token_hash", \.metricsTokenHash, .tokenHash),
        .value("metrics_on_loopback", \.metricsOnLoopback, .flag),
        .value("metrics_max_orgs", \.metricsMaxOrgs, .count(1...10_000)),
    ]
}

extension BrokerConfiguration.Limits {
    static let fields: [Field<Self>] = [
        .value("max_frame_bytes", \.maxFrameBytes, .size(16 << 10...256 << 20)).fixed,
        .value("max_head_bytes", \.maxHeadBytes, .size(16 << 10...16 << 20)).fixed,
        .value("stream_window_bytes", \.streamWindowBytes, .size(64 << 10...1 << 30)).fixed,
        .value("connection_window_bytes", \.connectionWindowBytes, .size(64 << 10...1 << 30)).fixed,
        .value("max_calls_in_flight_per_connection", \.maxCallsInFlightPerConnection, .count(1...1_000_000)),
        .value("max_connections", \.maxConnections, .count(1...1_000_000)),
        .value("max_unauthenticated_per_address", \.maxUnauthenticatedPerAddress, .count(1...1_000_000)),
        .value(
            "max_new_connections_per_second_per_address",
            \.maxNewConnectionsPerSecondPerAddress,
            .count(1...1_000_000)
        ),
        .value("max_new_connections_burst_per_address", \.maxNewConnectionsBurstPerAddress, .count(1...1_000_000)),
        .value("max_tracked_addresses", \.maxTrackedAddresses, .count(2...10_000_000)).fixed,
        .values("exempt_addresses", \.exemptAddresses, .addressRange),
        .value("max_unsent_bytes_per_connection", \.maxUnsentBytesPerConnection, .size(64 << 10...1 << 30)).fixed,
        .value("max_connections_per_org", \.maxConnectionsPerOrg, .count(1...1_000_000)),
        .value("max_calls_in_flight", \.maxCallsInFlight, .count(1...1_000_000)),
        .value("max_calls_in_flight_per_org", \.maxCallsInFlightPerOrg, .count(1...1_000_000)),
        .value("max_bytes_in_flight_per_org", \.maxBytesInFlightPerOrg, .size(64 << 10...1 << 40)),
        .value("max_queued_calls_per_org", \.maxQueuedCallsPerOrg, .count(0...1_000_000)),
        .value("queue_timeout", \.queueTimeout, .duration(.milliseconds(1) ... .seconds(3600))),
        .value("max_calls_per_second_per_org", \.maxCallsPerSecondPerOrg, .count(1...1_000_000_000)),
        .value("max_bytes_per_second_per_org", \.maxBytesPerSecondPerOrg, .size(1 << 10...1 << 40)),
        .value("max_idempotency_keys_per_org", \.maxIdempotencyKeysPerOrg, .count(0...1_000_000)),
        .value("idempotency_window", \.idempotencyWindow, .duration(.seconds(1) ... .seconds(86_400))),
        .value("hello_deadline", \.helloDeadline, .duration(.milliseconds(10) ... .seconds(600))),
        .value("keepalive_interval", \.keepaliveInterval, .duration(.seconds(1) ... .seconds(3600))),
        .value("keepalive_misses", \.keepaliveMisses, .count(1...100)),
        .value("drain_timeout", \.drainTimeout, .duration(.zero ... .seconds(3600))),
        .value("busy_poll", \.busyPoll, .duration(.zero ... .milliseconds(10))),
        .value("event_loop_priority", \.eventLoopPriority, .count(0...20)).fixed,
        .value("auth_failure_delay", \.authFailureDelay, .duration(.zero ... .seconds(10))),
        .value("max_auth_failure_delay", \.maxAuthFailureDelay, .duration(.zero ... .seconds(600))),
        .value("max_readdir_entries", \.maxReaddirEntries, .count(1...100_000)).fixed,
        .value("max_file_bytes", \.maxFileBytes, .size(1...1 << 50)),
        .value("max_workspace_bytes", \.maxWorkspaceBytes, .size(0...1 << 50)),
        .value("max_workspace_inodes", \.maxWorkspaceInodes, .count(0...1_000_000_000)),
        .value("max_disk_bytes_per_org", \.maxDiskBytesPerOrg, .size(0...1 << 50)),
        .value("max_disk_inodes_per_org", \.maxDiskInodesPerOrg, .count(0...1_000_000_000)),
        .value("max_archive_bytes", \.maxArchiveBytes, .size(1...1 << 50)).fixed,
        .value("max_archive_content_bytes", \.maxArchiveContentBytes, .size(1...1 << 50)).fixed,
        .value("max_archive_entries", \.maxArchiveEntries, .count(1...100_000_000)).fixed,
        .value("max_archive_ratio", \.maxArchiveRatio, .count(1...1_000_000)).fixed,
        .value("max_uploads_per_org", \.maxUploadsPerOrg, .count(1...1_000_000)),
        .value("max_upload_bytes_per_org", \.maxUploadBytesPerOrg, .size(1...1 << 50)),
        .value("upload_idle_timeout", \.uploadIdleTimeout, .duration(.seconds(1) ... .seconds(30 * 86_400))),
        .value("max_open_directories", \.maxOpenDirectories, .count(1...1_000_000)).fixed,
    ]
}

extension BrokerConfiguration.Pool {
    static let fields: [Field<Self>] = [
        .value("idle_timeout", \.idleTimeout, .duration(.seconds(1) ... .seconds(30 * 86_400))),
        .value("cleanup_interval", \.cleanupInterval, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("max_entries", \.maxEntries, .count(1...10_000_000)),
        .value("max_entries_per_org", \.maxEntriesPerOrg, .count(1...10_000_000)),
        .value("max_leases_per_entry", \.maxLeasesPerEntry, .count(1...1_000_000)),
        .value("max_waiters", \.maxWaiters, .count(1...1_000_000)),
        .value("queue_timeout", \.queueTimeout, .duration(.milliseconds(1) ... .seconds(3600))),
        .optional("max_lifetime", \.maxLifetime, .duration(.seconds(1) ... .seconds(365 * 86_400))),
    ]
}

extension BrokerConfiguration.Exec {
    static let fields: [Field<Self>] = [
        .value("default_timeout", \.defaultTimeout, .duration(.milliseconds(100) ... .seconds(30 * 86_400))),
        .value("max_timeout", \.maxTimeout, .duration(.milliseconds(100) ... .seconds(30 * 86_400))),
        .optional(
            "default_background_timeout",
            \.defaultBackgroundTimeout,
            .duration(.milliseconds(100) ... .seconds(30 * 86_400))
        ),
        .value("grace", \.grace, .duration(.zero ... .seconds(300))),
        .value("max_running", \.maxRunning, .count(1...100_000)),
        .value("max_running_per_org", \.maxRunningPerOrg, .count(1...100_000)),
        .value("spare_sandboxes", \.spareSandboxes, .count(0...1000)).fixed,
        .value("total_cpu_weight", \.totalCPUWeight, .cpuWeight).fixed,
        .optional("max_cpu_time", \.maxCPUTime, .cpuTime),
        .optional("max_memory_bytes", \.maxMemoryBytes, .commandMemory),
        .value("max_processes", \.maxProcesses, .commandProcesses),
        .value("max_open_files", \.maxOpenFiles, .openFiles),
        .value("max_file_bytes", \.maxFileBytes, .commandFile),
        .optional("max_output_bytes", \.maxOutputBytes, .commandOutput),
        .value("cpu_weight", \.cpuWeight, .cpuWeight),
        .value("host_network", \.hostNetwork, .flag),
        .value("background_output_bytes", \.backgroundOutputBytes, .size(4 << 10...64 << 20)),
        .value("max_background_readers", \.maxBackgroundReaders, .count(1...100_000)),
        .value("max_ended_background", \.maxEndedBackground, .count(0...10_000)),
        .value("max_ended_background_per_org", \.maxEndedBackgroundPerOrg, .count(0...100_000)),
        .value("max_ended_background_bytes_per_org", \.maxEndedBackgroundBytesPerOrg, .size(0...1 << 40)),
        .value("isolation", \.isolation, .choice).fixed,
        .value("require_isolation", \.requireIsolation, .choice).fixed,
        .value("prevent_dangerous", \.preventDangerous, .flag),
        .values("allow_patterns", \.allowPatterns, .regularExpression),
    ]
}

extension BrokerConfiguration.Memory {
    static let fields: [Field<Self>] = [
        .value("max_bytes_per_org", \.maxBytesPerOrg, .size(0...1 << 40))
    ]
}

extension BrokerConfiguration.Watch {
    static let fields: [Field<Self>] = [
        .value("max_per_entry", \.maxPerEntry, .count(0...100_000)),
        .value("max_per_org", \.maxPerOrg, .count(0...100_000)),
        .value("max_directories_per_org", \.maxDirectoriesPerOrg, .count(0...10_000_000)),
        .value("max_directories", \.maxDirectories, .count(0...10_000_000)),
        .value("max_waiting_changes", \.maxWaitingChanges, .count(16...1_000_000)),
    ]
}

extension FileCallLimits {
    /// A page and its last match have to fit into what clients take for the head of an answer, 1 MiB.
    static let fields: [Field<Self>] = [
        .value("max_glob_matches", \.maximumGlobMatches, .count(1...1_000_000)).fixed,
        .value("max_tree_entries", \.maximumTreeEntries, .count(1...1_000_000)).fixed,
        .value("max_grep_matches", \.maximumGrepMatches, .count(1...1_000_000)).fixed,
        .value("max_grep_context", \.maximumGrepContext, .count(0...100)).fixed,
        .value("max_grep_line_bytes", \.maximumGrepLineBytes, .size(16...64 << 10)).fixed,
        .value("max_grep_steps", \.maximumGrepSteps, .count(1000...100_000_000)).fixed,
        .value("max_undecided_lines", \.maximumUndecidedLines, .count(1...100_000)).fixed,
        .value("max_names_per_page", \.maximumLooks, .count(1000...100_000_000)).fixed,
        .value("max_page_bytes", \.maximumPageBytes, .size(16 << 10...768 << 10)).fixed,
        .value("max_lines_bytes", \.maximumWindowBytes, .size(4 << 10...768 << 10)).fixed,
        .value("max_edited_bytes", \.maximumEditedBytes, .size(1...1 << 30)).fixed,
        .value("max_diff_bytes", \.maximumDiffBytes, .size(0...768 << 10)).fixed,
        .value("turn", \.turn, .duration(.milliseconds(1) ... .seconds(1))).fixed,
    ]

    /// Bytes that the largest page of a grep may have.
    static let mostPageBytes = 1000 << 10

    /// Bytes of the largest page of a grep.
    var largestPage: Int { maximumPageBytes + (2 * maximumGrepContext + 1) * (maximumGrepLineBytes + 32) }
}

extension BrokerConfiguration.Retention {
    /// No longer than what an org may set: what is in use is noted as often.
    static let fields: [Field<Self>] = [
        .value("interval", \.interval, .duration(.milliseconds(100) ... .seconds(3600))),
        .value("max_deletions", \.maxDeletions, .count(1...100_000)),
    ]
}

extension BrokerConfiguration.Identities {
    /// System accounts lie below 1000; the highest ids mean "none" to many programs.
    static let fields: [Field<Self>] = [
        .value("first", \.first, .count(1000...4_000_000_000)),
        .value("count", \.count, .count(1...10_000_000)),
    ]
}

extension BrokerConfiguration.Log {
    static let fields: [Field<Self>] = [
        .value("level", \.level, .choice).fixed,
        .value("operations", \.operations, .choice),
        .value("spans", \.spans, .flag).fixed,
        .value("max_connection_lines_per_second", \.maxConnectionLinesPerSecond, .count(1...100_000)),
        .value("max_followers_per_org", \.maxFollowersPerOrg, .count(1...1000)),
        .value("follower_buffer_bytes", \.followerBufferBytes, .size(64 << 10...64 << 20)),
    ]
}

extension OrgConfiguration {
    static let fields: [Field<Self>] = [
        .required("name", \.name, .name("org name")),
        .sections("tokens", \.tokens, TokenRecord.fields, blank: .blank) { $0.id },
        .environment("env", \.env),
        .section("limits", \.limits, Limits.fields),
        .section("exec", \.exec, Exec.fields),
        .section("retention", \.retention, Retention.fields),
    ]
}

extension OrgConfiguration.Exec {
    static let fields: [Field<Self>] = [
        .optional("prevent_dangerous", \.preventDangerous, .flag),
        .overridingValues("allow_patterns", \.allowPatterns, .regularExpression),
        .optional("max_cpu_time", \.maxCPUTime, .cpuTime),
        .optional("max_memory_bytes", \.maxMemoryBytes, .commandMemory),
        .optional("max_processes", \.maxProcesses, .commandProcesses),
        .optional("max_open_files", \.maxOpenFiles, .openFiles),
        .optional("max_file_bytes", \.maxFileBytes, .commandFile),
        .optional("max_output_bytes", \.maxOutputBytes, .commandOutput),
        .optional("cpu_weight", \.cpuWeight, .cpuWeight),
        .optional("host_network", \.hostNetwork, .flag),
    ]
}

extension OrgConfiguration.Retention {
    static let fields: [Field<Self>] = [
        .optional("unused_for", \.unusedFor, .duration(.seconds(3600) ... .seconds(3650 * 86_400))),
        .values("keep", \.keep, .keyPattern),
    ]
}

extension OrgConfiguration.Limits {
    static let fields: [Field<Self>] = [
        .optional("max_connections", \.maxConnections, .count(0...1_000_000)),
        .optional("max_calls_in_flight", \.maxCallsInFlight, .count(0...1_000_000)),
        .optional("max_bytes_in_flight", \.maxBytesInFlight, .size(64 << 10...1 << 40)),
        .optional("max_queued_calls", \.maxQueuedCalls, .count(0...1_000_000)),
        .optional("queue_timeout", \.queueTimeout, .duration(.milliseconds(1) ... .seconds(3600))),
        .optional("max_calls_per_second", \.maxCallsPerSecond, .count(1...1_000_000_000)),
        .optional("max_bytes_per_second", \.maxBytesPerSecond, .size(1 << 10...1 << 40)),
        .value("weight", \.weight, .count(1...1000)),
        .optional("max_entries", \.maxEntries, .count(0...10_000_000)),
        .optional("max_running", \.maxRunning, .count(0...100_000)),
        .optional("max_memory_bytes", \.maxMemoryBytes, .size(0...1 << 40)),
        .optional("max_file_bytes", \.maxFileBytes, .size(1...1 << 50)),
        .optional("max_workspace_bytes", \.maxWorkspaceBytes, .size(0...1 << 50)),
        .optional("max_workspace_inodes", \.maxWorkspaceInodes, .count(0...1_000_000_000)),
        .optional("max_disk_bytes", \.maxDiskBytes, .size(0...1 << 50)),
        .optional("max_disk_inodes", \.maxDiskInodes, .count(0...1_000_000_000)),
        .optional("max_watches", \.maxWatches, .count(0...100_000)),
        .optional("max_watched_directories", \.maxWatchedDirectories, .count(0...10_000_000)),
    ]
}

extension TokenRecord {
    static let fields: [Field<Self>] = [
        .required("id", \.id, .tokenID),
        .value("name", \.name, .name("token name")),
        .required("hash", \.hash, .tokenHash),
        .optionalValues("keys", \.keyPatterns, .keyPattern),
        .value("read_only", \.isReadOnly, .flag),
        .value("role", \.role, .choice),
    ]

    /// What a token is before its keys are read. No text hashes to it.
    static let blank = TokenRecord(id: "", name: "", hash: .unmatchable)
}
