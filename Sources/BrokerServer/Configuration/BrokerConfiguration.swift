package import AgentBackend
package import BrokerWire
package import LocalBackend
package import Logging

/// All that an operator can say about a broker. A plain value with a default for everything but the orgs.
///
/// It is built from the outermost layer in: the defaults, the YAML file (``load(from:)``), then whatever
/// environment variables and flags assign to its members. Whoever has assigned calls ``validate()`` last. Sizes
/// are in bytes; every limit is finite.
package struct BrokerConfiguration: Sendable, Hashable {
    /// The directory beneath which everything lies that the broker keeps: absolute. See ``BrokerRoot``.
    package var root: String
    /// Where to accept TCP connections.
    package var listen: [TCPAddress] = [TCPAddress(host: "127.0.0.1", port: 7420)]
    /// Path of a unix socket to accept connections on as well: absolute, at most 107 bytes.
    package var unixSocket: String?
    /// What this broker calls itself towards clients, in logs and in metrics.
    package var node: String
    package var tls = TLS()
    package var http = HTTP()
    package var limits = Limits()
    package var pool = Pool()
    package var exec = Exec()
    package var memory = Memory()
    package var watch = Watch()
    package var files = FileCallLimits()
    package var retention = Retention()
    package var identities = Identities()
    package var log = Log()
    package var audit = Audit()
    /// The tenants, in the order of the file.
    package var orgs: [OrgConfiguration] = []

    /// The defaults of this process: its user, host name and environment decide about `root` and `node`.
    package init() {
        self.init(root: Self.defaultRoot(), node: Self.hostName())
    }

    package init(root: String, node: String) {
        self.root = root
        self.node = node
    }
}

extension BrokerConfiguration {
    /// What one connection, and all of them, may ask for.
    package struct Limits: Sendable, Hashable {
        /// Longest frame that a peer may send.
        package var maxFrameBytes = 4 << 20
        /// Longest frame without its payload.
        package var maxHeadBytes = 1 << 20
        /// Credit of one stream at its start, in each direction.
        package var streamWindowBytes = 1 << 20
        /// Credit of all streams of a connection together, in each direction.
        package var connectionWindowBytes = 16 << 20
        package var maxCallsInFlightPerConnection = 1024
        package var maxConnections = 10_000
        /// Connections of one address that have not shown a valid token yet; one more takes the place of the oldest.
        package var maxUnauthenticatedPerAddress = 1000
        /// New connections of one address, without those that show a valid token.
        package var maxNewConnectionsPerSecondPerAddress = 100
        /// So many of them may come at once.
        package var maxNewConnectionsBurstPerAddress = 1000
        /// Addresses without such a connection that are remembered, those heard of last.
        package var maxTrackedAddresses = 65_536
        /// Addresses that the limits of one address do not hold for.
        package var exemptAddresses = [AddressRange("127.0.0.0/8"), AddressRange("::1")].compactMap { $0 }
        /// Bytes that wait to be written to one connection before payloads for it are held back.
        package var maxUnsentBytesPerConnection = 1 << 20
        /// Of one org, like all that follows with that name, unless its own limits say otherwise.
        package var maxConnectionsPerOrg = 5000
        /// Calls that had to wait for something and are not answered, of all orgs together. Commands have a limit of
        /// their own.
        package var maxCallsInFlight = 32_768
        package var maxCallsInFlightPerOrg = 8192
        /// Bytes that are kept of unanswered calls.
        package var maxBytesInFlightPerOrg = 256 << 20
        /// Calls that wait to be begun.
        package var maxQueuedCallsPerOrg = 10_000
        /// Longest such wait; a call may ask for a shorter one.
        package var queueTimeout: Duration = .seconds(30)
        package var maxCallsPerSecondPerOrg = 2_000_000
        /// In both directions together.
        package var maxBytesPerSecondPerOrg = 16 << 30
        /// Idempotency keys that are remembered; of every org, whatever its own limits say.
        package var maxIdempotencyKeysPerOrg = 10_000
        /// How long after the end of its call a key is remembered.
        package var idempotencyWindow: Duration = .seconds(600)
        /// Time for a new connection to say hello.
        package var helloDeadline: Duration = .seconds(5)
        /// Time without a frame after which the broker pings.
        package var keepaliveInterval: Duration = .seconds(30)
        /// Pings without an answer after which a connection is dead.
        package var keepaliveMisses = 3
        /// Time that calls get to end in at a shutdown, before they are cancelled.
        package var drainTimeout: Duration = .seconds(30)
        /// How long an event loop, after an answer, asks for a next request that is likely to come at once, before it sleeps
        /// until it is woken. Zero: never.
        package var busyPoll: Duration = .microseconds(100)
        /// Levels of nice(2) that event loops are ahead of other threads by, where the broker may.
        package var eventLoopPriority = 10
        /// Wait before the answer to a token that is not known. Twice as long with each that the address showed lately.
        package var authFailureDelay: Duration = .milliseconds(100)
        /// The longest such wait.
        package var maxAuthFailureDelay: Duration = .seconds(10)
        /// Entries of a directory in one answer.
        package var maxReaddirEntries = 1000
        /// Longest file that the file operations write.
        package var maxFileBytes = 16 << 30
        /// That the regular files of one workspace take on the disk. Like the next three, of every workspace, and of all of
        /// one org together, unless its own limits say otherwise.
        package var maxWorkspaceBytes = 256 << 30
        /// Files of all kinds, and directories.
        package var maxWorkspaceInodes = 16_000_000
        package var maxDiskBytesPerOrg = 1 << 40
        package var maxDiskInodesPerOrg = 64_000_000
        /// Bytes of an archive that is extracted, as it is sent.
        package var maxArchiveBytes = 4 << 30
        /// Bytes of all files in one archive, made or extracted, before compression.
        package var maxArchiveContentBytes = 16 << 30
        /// Files, directories and links in one archive.
        package var maxArchiveEntries = 1_000_000
        /// How many times as long as it was sent an archive may become; below 64 MiB any.
        package var maxArchiveRatio = 200
        /// Uploads of one org that are under way.
        package var maxUploadsPerOrg = 256
        /// Bytes in all of them.
        package var maxUploadBytesPerOrg = 64 << 30
        /// Time without a call after which one of them is given up.
        package var uploadIdleTimeout: Duration = .seconds(3600)
        /// Descriptors of root directories that are kept open between calls, of all entries and their scopes together;
        /// others are opened anew for each call.
        package var maxOpenDirectories = 1024
    }

    /// The pool of backends.
    package struct Pool: Sendable, Hashable {
        /// Time without lease, call or background process after which an entry is destroyed.
        package var idleTimeout: Duration = .seconds(300)
        /// Time between two looks for idle entries.
        package var cleanupInterval: Duration = .seconds(60)
        package var maxEntries = 10_000
        /// Of one org, unless its own limits say otherwise.
        package var maxEntriesPerOrg = 1000
        package var maxLeasesPerEntry = 1024
        /// Callers of one org that wait for an entry.
        package var maxWaiters = 10_000
        /// Longest wait for an entry when the call names none.
        package var queueTimeout: Duration = .seconds(30)
        /// Age at which an entry is replaced once it is idle. None by default.
        package var maxLifetime: Duration?
    }

    /// Commands.
    package struct Exec: Sendable, Hashable {
        /// Time that a command gets when the call names none.
        package var defaultTimeout: Duration = .seconds(3600)
        /// Most time that a call may ask for.
        package var maxTimeout: Duration = .seconds(24 * 3600)
        /// As ``defaultTimeout``, of a command in the background. Nil: ``maxTimeout``.
        package var defaultBackgroundTimeout: Duration?
        /// Time between SIGTERM and SIGKILL.
        package var grace: Duration = .seconds(2)
        /// Commands that run at one time, of all orgs together.
        package var maxRunning = 256
        /// Of one org, unless its own limits say otherwise.
        package var maxRunningPerOrg = 64
        /// Sandboxes that are made before there is an entry for them.
        package var spareSandboxes = 8
        /// Of all commands together, when the broker wants the processors too, which has 100.
        package var totalCPUWeight = 25
        /// Processor time of one command with all that it starts. Nil: as much as there is while it may run. Like all that
        /// follows up to ``hostNetwork``, unless the org's own say otherwise.
        package var maxCPUTime: Duration?
        /// Of all commands of one org. Nil: half of the host's memory.
        package var maxMemoryBytes: Int?
        /// Processes and threads of all commands of one org.
        package var maxProcesses = 4096
        /// Of one process.
        package var maxOpenFiles = 1024
        /// Longest file that a process writes.
        package var maxFileBytes = 16 << 30
        /// That one command may write to both its streams; more ends it. Nil: what its caller takes.
        package var maxOutputBytes: Int?
        /// Of all commands of one org, when others want the processors too.
        package var cpuWeight = 100
        /// A command may ask for the host's network.
        package var hostNetwork = false
        /// Last bytes of each stream of a command in the background that are kept.
        package var backgroundOutputBytes = 1 << 20
        /// Callers that read one command in the background, or wait for it.
        package var maxBackgroundReaders = 64
        /// Commands in the background that ended and are remembered: of one key, and of all keys of an org.
        package var maxEndedBackground = 64
        package var maxEndedBackgroundPerOrg = 1024
        /// Bytes of output of the latter.
        package var maxEndedBackgroundBytesPerOrg = 64 << 20
        package var isolation = IsolationMode.auto
        /// The broker does not start where it can only give less than this. `auto` asks for nothing.
        package var requireIsolation = IsolationMode.auto
        /// Refuse commands that are most likely a mistake; see ``CommandSafety``. A courtesy, not a boundary.
        package var preventDangerous = true
        /// A command with a match of one of these is not refused.
        package var allowPatterns: [RegularExpression] = []
    }

    /// The memory backend.
    package struct Memory: Sendable, Hashable {
        /// Bytes that one org may keep, unless its own limits say otherwise.
        package var maxBytesPerOrg = 256 << 20
    }

    /// Watches of files.
    package struct Watch: Sendable, Hashable {
        /// Calls that watch the files of one entry at a time.
        package var maxPerEntry = 64
        /// Calls of one org that watch at a time, unless its own limits say otherwise; like the next.
        package var maxPerOrg = 256
        /// Directories that they watch together; one that two calls watch counts twice.
        package var maxDirectoriesPerOrg = 65_536
        /// The same of all orgs. No more than seven eighths of what the host allows are used.
        package var maxDirectories = 131_072
        /// Changes that wait for one caller; their paths may have 256 bytes each on average.
        package var maxWaitingChanges = 8192
    }

    /// The removal of workspaces that nobody uses, for orgs that ask for it.
    package struct Retention: Sendable, Hashable {
        /// Between two looks for them. What is in use is noted as often, for the case that the broker is killed.
        package var interval: Duration = .seconds(600)
        /// Workspaces of one org that are deleted after one look; the others have to wait for the next.
        package var maxDeletions = 100
    }

    /// The uids that orgs get when the broker runs as root; their gids have the same numbers.
    package struct Identities: Sendable, Hashable {
        package var first: UInt32 = 200_000
        package var count: UInt32 = 65_536

        /// The uids as a range. Empty where `validate()` would refuse the numbers.
        package var range: Range<UInt32> {
            let (end, overflow) = first.addingReportingOverflow(count)
            return overflow ? first..<first : first..<end
        }
    }

    package struct Log: Sendable, Hashable {
        /// The least level that the broker's own log shows.
        package var level: Logger.Level = .info
        package var operations: Operations = .standard
        /// Spans of calls and commands are logged as well.
        package var spans = false
        /// Lines about connections that were refused or broke the protocol; the others are only counted.
        package var maxConnectionLinesPerSecond = 20
        /// Calls that follow the operations of one org at a time; those of operators, who may follow all orgs, count
        /// as of an org of their own.
        package var maxFollowersPerOrg = 16
        /// Bytes of records that wait for one of them, in memory; as much again may be on its way.
        package var followerBufferBytes = 1 << 20
    }

    /// Which operations are logged: none, those that modify, or all.
    package enum Operations: String, Sendable, Hashable, CaseIterable {
        case off, standard, verbose
    }
}
