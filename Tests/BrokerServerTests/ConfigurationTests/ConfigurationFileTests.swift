import AgentBackend
import BrokerWire
import LocalBackend
import Logging
import Testing

@testable import BrokerServer

/// What is read from files without mistakes.
@Suite struct ConfigurationFileTests {
    private static let hash = String(repeating: "0123456789abcdef", count: 4)

    private func read(_ text: String) throws -> BrokerConfiguration {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let problems = configuration.apply(yaml: Array(text.utf8), named: "broker.yaml")
        try #require(problems.isEmpty, "\(problems)")
        return configuration
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "{}\n", "limits:\nlog:\norgs:\n", "\u{FEFF}node: n\n"])
    func anEmptyFileIsTheDefaults(text: String) throws {
        #expect(try read(text) == BrokerConfiguration(root: "/r", node: "n"))
    }

    @Test func readsEveryKey() throws {
        let text = """
            root: /srv/broker
            listen: ["127.0.0.1:7420", "[::1]:7420"]
            unix_socket: /run/broker.sock
            tls:
              cert: /etc/broker.pem
              key: /etc/broker.key
              client_ca: /etc/clients.pem
              plain_listen: ["127.0.0.1:7422"]
              unix_socket: true
            node: east-1
            http:
              listen: ["127.0.0.1:7423"]
              allowed_origins: ["https://Agents.example.com"]
              max_connections: 201
              max_body_bytes: 202KiB
              max_body_bytes_in_flight: 203KiB
              body_timeout: 204s
              idle_timeout: 205s
              write_timeout: 206s
              max_sessions: 207
              max_sessions_per_token: 208
              session_idle_timeout: 209s
              max_dashboard_sessions: 217
              max_event_streams: 218
              max_tokens: 210
              max_result_bytes: 211KiB
              max_media_bytes: 212KiB
              max_commands: 213
              max_commands_per_key: 214
              command_output_bytes: 215KiB
              metrics_token_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
              metrics_on_loopback: true
              metrics_max_orgs: 217
            limits:
              max_frame_bytes: 8MiB
              max_head_bytes: 65536
              stream_window_bytes: 2MiB
              connection_window_bytes: 32MiB
              max_calls_in_flight_per_connection: 10
              max_connections: 20_000
              max_unauthenticated_per_address: 11
              max_new_connections_per_second_per_address: 12
              max_new_connections_burst_per_address: 13
              max_tracked_addresses: 14
              exempt_addresses: [10.0.0.0/8]
              max_unsent_bytes_per_connection: 128KiB
              hello_deadline: 1s
              keepalive_interval: 10s
              keepalive_misses: 2
              drain_timeout: 1m
              busy_poll: 50us
              event_loop_priority: 5
              auth_failure_delay: 0s
              max_auth_failure_delay: 1m
              max_readdir_entries: 50
              max_file_bytes: 1GiB
              max_workspace_bytes: 104MiB
              max_workspace_inodes: 105
              max_disk_bytes_per_org: 106MiB
              max_disk_inodes_per_org: 107
              max_archive_bytes: 2GiB
              max_archive_content_bytes: 3GiB
              max_archive_entries: 108
              max_archive_ratio: 109
              max_uploads_per_org: 110
              max_upload_bytes_per_org: 111MiB
              upload_idle_timeout: 112s
              max_open_directories: 64
              max_connections_per_org: 70
              max_calls_in_flight: 71
              max_calls_in_flight_per_org: 72
              max_bytes_in_flight_per_org: 73MiB
              max_queued_calls_per_org: 74
              queue_timeout: 75s
              max_calls_per_second_per_org: 76
              max_bytes_per_second_per_org: 77MiB
              max_idempotency_keys_per_org: 78
              idempotency_window: 79s
            pool:
              idle_timeout: 10m
              cleanup_interval: 500ms
              max_entries: 5
              max_entries_per_org: 4
              max_leases_per_entry: 3
              max_waiters: 7
              queue_timeout: 2s
              max_lifetime: 1d
            exec:
              default_timeout: 30s
              max_timeout: 2h
              default_background_timeout: 1h
              background_output_bytes: 64KiB
              max_background_readers: 9
              max_ended_background: 10
              max_ended_background_per_org: 11
              max_ended_background_bytes_per_org: 1MiB
              grace: 0s
              max_running: 8
              max_running_per_org: 4
              spare_sandboxes: 3
              total_cpu_weight: 33
              isolation: bwrap
              require_isolation: landlock
              prevent_dangerous: false
              allow_patterns: ["^rm -rf /$"]
              max_cpu_time: 89s
              max_memory_bytes: 90MiB
              max_processes: 91
              max_open_files: 92
              max_file_bytes: 93
              max_output_bytes: 94
              cpu_weight: 95
              host_network: true
            memory: {max_bytes_per_org: 1MiB}
            watch:
              max_per_entry: 103
              max_per_org: 104
              max_directories_per_org: 105
              max_directories: 106
              max_waiting_changes: 107
            files:
              max_glob_matches: 113
              max_tree_entries: 114
              max_grep_matches: 115
              max_grep_context: 16
              max_grep_line_bytes: 117
              max_grep_steps: 1018
              max_undecided_lines: 119
              max_names_per_page: 1020
              max_page_bytes: 121KiB
              max_lines_bytes: 122KiB
              max_edited_bytes: 123KiB
              max_diff_bytes: 124KiB
              turn: 125ms
            retention: {interval: 1m, max_deletions: 7}
            identities: {first: 300000, count: 10}
            log: {level: debug, operations: verbose, spans: true, max_connection_lines_per_second: 3, max_followers_per_org: 3,
              follower_buffer_bytes: 64KiB}
            orgs:
              - name: acme
                tokens:
                  - id: 0123456789abcdef
                    name: ci
                    hash: \(Self.hash)
                    keys: [ci, "build-*"]
                    read_only: true
                  - {id: fedcba9876543210, hash: \(Self.hash), role: operator}
                env:
                  LANG: C
                  EMPTY: ""
                  NUMBER: 007
                limits:
                  max_connections: 1
                  max_calls_in_flight: 80
                  max_bytes_in_flight: 81MiB
                  max_queued_calls: 82
                  queue_timeout: 83s
                  max_calls_per_second: 84
                  max_bytes_per_second: 85MiB
                  weight: 86
                  max_entries: 2
                  max_running: 3
                  max_memory_bytes: 4KiB
                  max_file_bytes: 5KiB
                  max_workspace_bytes: 108MiB
                  max_workspace_inodes: 109
                  max_disk_bytes: 110MiB
                  max_disk_inodes: 111
                  max_watches: 112
                  max_watched_directories: 113
                exec:
                  prevent_dangerous: true
                  allow_patterns: []
                  max_cpu_time: 97s
                  max_memory_bytes: 98MiB
                  max_processes: 99
                  max_open_files: 100
                  max_file_bytes: 101
                  max_output_bytes: 102
                  cpu_weight: 103
                  host_network: false
                retention:
                  unused_for: 30d
                  keep: ["prod-*"]
              - name: umbrella
            """
        let configuration = try read(text)

        var expected = BrokerConfiguration(root: "/srv/broker", node: "east-1")
        expected.listen = [TCPAddress(host: "127.0.0.1", port: 7420), TCPAddress(host: "::1", port: 7420)]
        expected.unixSocket = "/run/broker.sock"
        expected.tls.certificate = "/etc/broker.pem"
        expected.tls.key = "/etc/broker.key"
        expected.tls.clientAuthorities = "/etc/clients.pem"
        expected.tls.plainListen = [TCPAddress(host: "127.0.0.1", port: 7422)]
        expected.tls.onUnixSocket = true
        expected.http = BrokerConfiguration.HTTP(
            listen: [TCPAddress(host: "127.0.0.1", port: 7423)],
            allowedOrigins: ["https://agents.example.com"],
            maxConnections: 201,
            maxBodyBytes: 202 << 10,
            maxBodyBytesInFlight: 203 << 10,
            bodyTimeout: .seconds(204),
            idleTimeout: .seconds(205),
            writeTimeout: .seconds(206),
            maxSessions: 207,
            maxSessionsPerToken: 208,
            sessionIdleTimeout: .seconds(209),
            maxDashboardSessions: 217,
            maxEventStreams: 218,
            maxTokens: 210,
            maxResultBytes: 211 << 10,
            maxMediaBytes: 212 << 10,
            maxCommands: 213,
            maxCommandsPerKey: 214,
            commandOutputBytes: 215 << 10,
            metricsTokenHash: TokenHash(hexadecimal: String(repeating: "0123456789abcdef", count: 4)),
            metricsOnLoopback: true,
            metricsMaxOrgs: 217
        )
        expected.limits.maxFrameBytes = 8 << 20
        expected.limits.maxHeadBytes = 64 << 10
        expected.limits.streamWindowBytes = 2 << 20
        expected.limits.connectionWindowBytes = 32 << 20
        expected.limits.maxCallsInFlightPerConnection = 10
        expected.limits.maxConnections = 20_000
        expected.limits.maxUnauthenticatedPerAddress = 11
        expected.limits.maxNewConnectionsPerSecondPerAddress = 12
        expected.limits.maxNewConnectionsBurstPerAddress = 13
        expected.limits.maxTrackedAddresses = 14
        expected.limits.exemptAddresses = [try #require(AddressRange("10.0.0.0/8"))]
        expected.limits.maxUnsentBytesPerConnection = 128 << 10
        expected.limits.maxConnectionsPerOrg = 70
        expected.limits.maxCallsInFlight = 71
        expected.limits.maxCallsInFlightPerOrg = 72
        expected.limits.maxBytesInFlightPerOrg = 73 << 20
        expected.limits.maxQueuedCallsPerOrg = 74
        expected.limits.queueTimeout = .seconds(75)
        expected.limits.maxCallsPerSecondPerOrg = 76
        expected.limits.maxBytesPerSecondPerOrg = 77 << 20
        expected.limits.maxIdempotencyKeysPerOrg = 78
        expected.limits.idempotencyWindow = .seconds(79)
        expected.limits.helloDeadline = .seconds(1)
        expected.limits.keepaliveInterval = .seconds(10)
        expected.limits.keepaliveMisses = 2
        expected.limits.drainTimeout = .seconds(60)
        expected.limits.busyPoll = .microseconds(50)
        expected.limits.eventLoopPriority = 5
        expected.limits.authFailureDelay = .zero
        expected.limits.maxAuthFailureDelay = .seconds(60)
        expected.limits.maxReaddirEntries = 50
        expected.limits.maxFileBytes = 1 << 30
        expected.limits.maxWorkspaceBytes = 104 << 20
        expected.limits.maxWorkspaceInodes = 105
        expected.limits.maxDiskBytesPerOrg = 106 << 20
        expected.limits.maxDiskInodesPerOrg = 107
        expected.limits.maxArchiveBytes = 2 << 30
        expected.limits.maxArchiveContentBytes = 3 << 30
        expected.limits.maxArchiveEntries = 108
        expected.limits.maxArchiveRatio = 109
        expected.limits.maxUploadsPerOrg = 110
        expected.limits.maxUploadBytesPerOrg = 111 << 20
        expected.limits.uploadIdleTimeout = .seconds(112)
        expected.limits.maxOpenDirectories = 64
        expected.pool.idleTimeout = .seconds(600)
        expected.pool.cleanupInterval = .milliseconds(500)
        expected.pool.maxEntries = 5
        expected.pool.maxEntriesPerOrg = 4
        expected.pool.maxLeasesPerEntry = 3
        expected.pool.maxWaiters = 7
        expected.pool.queueTimeout = .seconds(2)
        expected.pool.maxLifetime = .seconds(86_400)
        expected.exec.defaultTimeout = .seconds(30)
        expected.exec.maxTimeout = .seconds(7200)
        expected.exec.defaultBackgroundTimeout = .seconds(3600)
        expected.exec.backgroundOutputBytes = 64 << 10
        expected.exec.maxBackgroundReaders = 9
        expected.exec.maxEndedBackground = 10
        expected.exec.maxEndedBackgroundPerOrg = 11
        expected.exec.maxEndedBackgroundBytesPerOrg = 1 << 20
        expected.exec.grace = .zero
        expected.exec.maxRunning = 8
        expected.exec.maxRunningPerOrg = 4
        expected.exec.spareSandboxes = 3
        expected.exec.totalCPUWeight = 33
        expected.exec.isolation = .bwrap
        expected.exec.requireIsolation = .landlock
        expected.exec.preventDangerous = false
        expected.exec.allowPatterns = [try RegularExpression("^rm -rf /$")]
        expected.exec.maxCPUTime = .seconds(89)
        expected.exec.maxMemoryBytes = 90 << 20
        expected.exec.maxProcesses = 91
        expected.exec.maxOpenFiles = 92
        expected.exec.maxFileBytes = 93
        expected.exec.maxOutputBytes = 94
        expected.exec.cpuWeight = 95
        expected.exec.hostNetwork = true
        expected.memory.maxBytesPerOrg = 1 << 20
        expected.watch.maxPerEntry = 103
        expected.watch.maxPerOrg = 104
        expected.watch.maxDirectoriesPerOrg = 105
        expected.watch.maxDirectories = 106
        expected.watch.maxWaitingChanges = 107
        expected.files.maximumGlobMatches = 113
        expected.files.maximumTreeEntries = 114
        expected.files.maximumGrepMatches = 115
        expected.files.maximumGrepContext = 16
        expected.files.maximumGrepLineBytes = 117
        expected.files.maximumGrepSteps = 1018
        expected.files.maximumUndecidedLines = 119
        expected.files.maximumLooks = 1020
        expected.files.maximumPageBytes = 121 << 10
        expected.files.maximumWindowBytes = 122 << 10
        expected.files.maximumEditedBytes = 123 << 10
        expected.files.maximumDiffBytes = 124 << 10
        expected.files.turn = .milliseconds(125)
        expected.retention.interval = .seconds(60)
        expected.retention.maxDeletions = 7
        expected.identities.first = 300_000
        expected.identities.count = 10
        expected.log.level = .debug
        expected.log.operations = .verbose
        expected.log.spans = true
        expected.log.maxConnectionLinesPerSecond = 3
        expected.log.maxFollowersPerOrg = 3
        expected.log.followerBufferBytes = 64 << 10
        var acme = OrgConfiguration(name: "acme")
        acme.tokens = [
            TokenRecord(
                id: "0123456789abcdef",
                name: "ci",
                hash: try #require(TokenHash(hexadecimal: Self.hash)),
                keyPatterns: [.exactly("ci"), .beginningWith("build-")],
                isReadOnly: true
            ),
            TokenRecord(
                id: "fedcba9876543210",
                name: "",
                hash: try #require(TokenHash(hexadecimal: Self.hash)),
                role: .operator
            ),
        ]
        acme.env = try Environment(["LANG": "C", "EMPTY": "", "NUMBER": "007"])
        acme.limits.maxConnections = 1
        acme.limits.maxCallsInFlight = 80
        acme.limits.maxBytesInFlight = 81 << 20
        acme.limits.maxQueuedCalls = 82
        acme.limits.queueTimeout = .seconds(83)
        acme.limits.maxCallsPerSecond = 84
        acme.limits.maxBytesPerSecond = 85 << 20
        acme.limits.weight = 86
        acme.limits.maxEntries = 2
        acme.limits.maxRunning = 3
        acme.limits.maxMemoryBytes = 4 << 10
        acme.limits.maxFileBytes = 5 << 10
        acme.limits.maxWorkspaceBytes = 108 << 20
        acme.limits.maxWorkspaceInodes = 109
        acme.limits.maxDiskBytes = 110 << 20
        acme.limits.maxDiskInodes = 111
        acme.limits.maxWatches = 112
        acme.limits.maxWatchedDirectories = 113
        acme.exec.preventDangerous = true
        acme.exec.allowPatterns = []
        acme.exec.maxCPUTime = .seconds(97)
        acme.exec.maxMemoryBytes = 98 << 20
        acme.exec.maxProcesses = 99
        acme.exec.maxOpenFiles = 100
        acme.exec.maxFileBytes = 101
        acme.exec.maxOutputBytes = 102
        acme.exec.cpuWeight = 103
        acme.exec.hostNetwork = false
        acme.retention.unusedFor = .seconds(30 * 86_400)
        acme.retention.keep = [.beginningWith("prod-")]
        expected.orgs = [acme, OrgConfiguration(name: "umbrella")]
        #expect(configuration == expected)
    }

    /// The test above has to meet every key: a new line of the schema fails here until it does.
    @Test func theSchemaHasNoKeyThatIsNotTested() {
        let counts: [Int] = [
            BrokerConfiguration.fields.count, BrokerConfiguration.Limits.fields.count,
            BrokerConfiguration.Pool.fields.count, BrokerConfiguration.Exec.fields.count,
            BrokerConfiguration.Memory.fields.count, BrokerConfiguration.Watch.fields.count,
            FileCallLimits.fields.count,
            BrokerConfiguration.Identities.fields.count, BrokerConfiguration.Log.fields.count,
            BrokerConfiguration.Retention.fields.count, BrokerConfiguration.TLS.fields.count,
            BrokerConfiguration.HTTP.fields.count, OrgConfiguration.fields.count,
            OrgConfiguration.Limits.fields.count, OrgConfiguration.Retention.fields.count,
            OrgConfiguration.Exec.fields.count, TokenRecord.fields.count,
        ]
        #expect(counts == [17, 44, 8, 25, 1, 5, 13, 2, 6, 2, 5, 22, 6, 18, 2, 10, 6])
    }

    @Test func anchorsAndPlainWordsAreText() throws {
        let configuration = try read(
            """
            orgs:
              - name: "123"
                env: &shared {A: true, B: ~x}
              - name: 1e3
                env: *shared
            """
        )
        #expect(configuration.orgs.map(\.name) == ["123", "1e3"])
        #expect(configuration.orgs[1].env == (try Environment(["A": "true", "B": "~x"])))
    }

    @Test func aLaterLayerOverridesMembers() throws {
        var configuration = try read("listen: []\nunix_socket: /run/a.sock\n")
        #expect(throws: Never.self) { try configuration.validate() }
        configuration.unixSocket = nil
        let error = #expect(throws: BackendError.self) { try configuration.validate() }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("nothing to listen on") == true)
    }

    @Test func loadsAFile() async throws {
        try await withScratchDirectory { scratch in
            try scratch.write("node: from-file\n", to: "broker.yaml")
            #expect(try BrokerConfiguration.load(from: scratch.path("broker.yaml")).node == "from-file")

            try scratch.write("a: 1\nb: 2\n", to: "wrong.yaml")
            let path = scratch.path("wrong.yaml")
            let wrong = #expect(throws: BackendError.self) { try BrokerConfiguration.load(from: path) }
            #expect(wrong?.code == .invalidConfiguration)
            #expect(wrong?.message.contains("2 problems") == true)
            #expect(wrong?.message.contains("\(path):1:1: unknown key \"a\"") == true)
            #expect(wrong?.message.contains("\(path):2:1: unknown key \"b\"") == true)

            let missing = #expect(throws: BackendError.self) {
                try BrokerConfiguration.load(from: scratch.path("missing.yaml"))
            }
            #expect(missing?.code == .invalidConfiguration)
            #expect(missing?.reason == .notFound)
            let directory = #expect(throws: BackendError.self) {
                try BrokerConfiguration.load(from: scratch.path("."))
            }
            #expect(directory?.reason == .isDirectory)
        }
    }
}
