import AgentBackend
import NIOCore

@testable import BrokerWire

/// What the broker sends.
extension Samples {
    static func server() throws -> [(name: String, frame: ServerFrame)] {
        let info = FileInfo(
            kind: .fifo,
            size: .max,
            modifiedNanoseconds: -5,
            permissions: 0o7777,
            etag: try Etag([1, 0])
        )
        var samples: [(String, ServerFrame)] = [
            ("helloReply", ServerFrame(id: 0, body: .helloReply(helloReply))),
            ("ping", ServerFrame(id: 0, body: .ping(nonce: 1))),
            ("pong", ServerFrame(id: 0, body: .pong(nonce: .max))),
            ("window", ServerFrame(id: 0, body: .window(stream: 0, bytes: 1))),
            ("goAway", ServerFrame(id: 0, body: .goAway(GoAway(error: error, lastID: 3)))),
            ("chunk", ServerFrame(id: 4, last: false, body: .chunk, payload: ByteBuffer(string: "piece"))),
            ("error", ServerFrame(id: 4, body: .error(error))),
            (
                "error, version",
                ServerFrame(id: 4, body: .error(.versionConflict(.root, current: Etag(.max, 0))))
            ),
            (
                "error, edit",
                ServerFrame(
                    id: 4,
                    body: .error(
                        BackendError(
                            .writeFailed,
                            reason: .notUnique,
                            message: "",
                            editMismatch: EditMismatch(index: 1, occurrences: .max)
                        )
                    )
                )
            ),
            ("error, bare", ServerFrame(id: 4, body: .error(BackendError(.internal, message: "")))),
            (
                "error of a newer broker",
                ServerFrame(
                    id: 4,
                    body: .error(BackendError(.init(rawValue: 999), reason: .init(rawValue: 888), message: "new"))
                )
            ),
        ]
        for (name, reply) in try replies(info) {
            samples.append((name, ServerFrame(id: 1, body: .reply(reply))))
            let payload = ByteBuffer(string: "payload")
            samples.append(
                ("\(name), payload", ServerFrame(id: .max, last: false, body: .reply(reply), payload: payload))
            )
        }
        return samples
    }

    private static func replies(_ info: FileInfo) throws -> [(String, Reply)] {
        [
            ("echo", .echo),
            ("acquire", .acquire(AcquireReply(lease: 1 << 63, created: true))),
            ("release", .release(released: true)),
            (
                "describe",
                .describe(
                    DescribeReply(
                        backend: .memory,
                        key: "k",
                        isLive: true,
                        leases: 3,
                        idle: .milliseconds(5),
                        isolation: "bwrap",
                        environmentNames: [[0xff], []],
                        logMode: .standard,
                        scopes: [[0xff], [0x61]]
                    )
                )
            ),
            ("read", .read(info)),
            ("write", .write(FileInfo(kind: nil, size: 0, modifiedNanoseconds: 0, permissions: 0))),
            (
                "readdir",
                .readdir(
                    DirectoryPage(
                        entries: [DirectoryEntry(name: [0xff], info: info), DirectoryEntry(name: [0x61])],
                        isTruncated: true
                    )
                )
            ),
            ("stat", .stat(info)),
            ("rm", .rm),
            ("exists", .exists(true)),
            ("mkdir", .mkdir),
            ("touch", .touch(info)),
            ("rename", .rename),
            ("copy", .copy(CopyResult(files: 1, bytes: .max))),
            (
                "glob",
                .glob(
                    FilePage(
                        files: [
                            FoundFile(path: try WorkspacePath([0xff]), kind: .directory, info: info),
                            FoundFile(path: try WorkspacePath("a/b"), kind: nil),
                        ],
                        next: try WorkspacePath([0xfe]),
                        skipped: .max
                    )
                )
            ),
            (
                "grep",
                .grep(
                    GrepPage(
                        files: [
                            GrepFile(
                                path: try WorkspacePath([0xff]),
                                matches: [
                                    GrepMatch(line: .max, text: [0xfe], before: [[], [0x61]], after: [[0x62]]),
                                    GrepMatch(line: 1, text: []),
                                ],
                                isTruncated: true
                            )
                        ],
                        next: try WorkspacePath([0xfe]),
                        skipped: 1,
                        undecided: 2
                    )
                )
            ),
            ("edit", .edit(EditResult(info: info, replacements: [1, .max], diff: [0xff]))),
            ("edit, without its diff", .edit(EditResult(info: info, replacements: [], diff: nil))),
            (
                "readLines",
                .readLines(
                    LinePage(
                        info: info,
                        text: [0xff, 0x0a],
                        lines: 1,
                        totalLines: .max,
                        isTruncated: true
                    )
                )
            ),
            ("statMany", .statMany(ManyFileInfos([.success(info), .failure(error)]))),
            (
                "readMany",
                .readMany(
                    ManyFileContents([
                        .success(FileContents(info: info, bytes: ByteBuffer(bytes: [0xff]), isTruncated: true)),
                        .failure(error),
                    ])
                )
            ),
            ("chmod", .chmod(info)),
            ("symlink", .symlink),
            (
                "tree",
                .tree(
                    FilePage(
                        files: [FoundFile(path: try WorkspacePath([0xff]), kind: .directory)],
                        next: try WorkspacePath([0xfe]),
                        skipped: .max
                    )
                )
            ),
            (
                "diskUsage",
                .diskUsage(
                    DiskUsage(
                        files: 1,
                        directories: 2,
                        bytes: .max,
                        allocatedBytes: 4,
                        skipped: 5,
                        next: try WorkspacePath([0xff])
                    )
                )
            ),
            ("archive", .archive(ArchiveSummary(entries: 1, bytes: .max, skipped: 3, changed: 4))),
            ("extract", .extract(ExtractResult(files: 1, directories: 2, links: 3, bytes: .max))),
            (
                "watchEvents",
                .watchEvents(
                    WatchEvents([
                        WatchEvents.ready,
                        WatchEvents.Event(kind: 5, isDirectory: true, pathLength: 3, fromLength: 4),
                        WatchEvents.Event(kind: 6, missing: .max),
                    ])
                )
            ),
            ("uploadBegin", .uploadBegin(offset: .max)), ("uploadAppend", .uploadAppend(offset: 1)),
            ("uploadFinish", .uploadFinish(info)), ("uploadAbort", .uploadAbort(aborted: true)),
            ("checksum", .checksum(FileChecksum(info: info, sha256: [0xff, 0], bytes: .max))),
            ("listKeys", .listKeys(KeyPage(keys: [try WorkspacePath([0xff]), .root], isTruncated: true))),
            ("deleteKey", .deleteKey(deleted: true)),
            ("clearKeys", .clearKeys(cleared: .max)),
            (
                "listWorkspaces",
                .listWorkspaces(
                    WorkspacePage(
                        workspaces: [WorkspaceDescription(key: "k", isLive: true, usedNanoseconds: -1)],
                        isTruncated: true
                    )
                )
            ),
            ("deleteWorkspace", .deleteWorkspace(deleted: true)),
            ("execStarted", .execStarted(ExecStarted(isolation: "landlock", exec: 1 << 40))),
            ("execOutput", .execOutput(ExecOutput(stream: .standardError, offset: 1 << 50))),
            (
                "execList",
                .execList(
                    ExecPage(execs: [try background(nil), try background(.signaled(9))], isTruncated: true)
                )
            ),
            ("execAttached", .execAttached(try background(.exited(code: 1)))),
            ("execGap", .execGap(ExecGap(stream: .standardOutput, missing: 3..<(1 << 50)))),
            ("execSignal", .execSignal),
            ("execResize", .execResize),
            ("execEnd", .execEnd(end(.exited(code: 137)))),
            ("execEnd, deadline", .execEnd(end(.timedOut(after: .milliseconds(1500))))),
            ("execEnd, ended", .execEnd(end(.cancelled))),
            ("execEnd, signal", .execEnd(end(.signaled(11)))),
            ("execEnd, memory", .execEnd(end(.outOfMemory))),
            ("execEnd, output", .execEnd(end(.outputLimit(1 << 33)))),
            ("execEnd, processor time", .execEnd(end(.cpuTimeLimit(.milliseconds(2500))))),
            ("execEnd, file size", .execEnd(end(.fileSizeLimit(1 << 34)))),
            ("execEnd, disk quota", .execEnd(end(.diskQuota(1 << 35)))),
            ("execEnd, shutdown", .execEnd(end(.shuttingDown))),
            (
                "execEnd, spawn",
                .execEnd(end(.spawnFailed(SpawnFailure(kind: .notExecutable, systemErrno: 13, stage: .program))))
            ),
            ("stats", .stats(statistics)),
            ("connections", .connections(ConnectionPage(connections: [connection], isTruncated: true))),
            (
                "pools",
                .pools(
                    PoolPage(
                        pools: [orgPool],
                        isTruncated: true
                    )
                )
            ),
            ("logs", .logs),
            ("reload", .reload(ReloadReply(changes: ["orgs[acme] added", "é"], connectionsEnded: 2))),
            ("drain", .drain(drainReport)),
            ("entries", .entries(EntryPage(entries: [entry], isTruncated: true))),
            ("commands", .commands(CommandPage(commands: [command], isTruncated: true))),
            ("killCommand", .killCommand),
            ("destroyEntry", .destroyEntry),
            ("auditQuery", .audit(AuditRecordPage(records: [auditRecord], nextBefore: 1 << 50))),
        ]
    }

    private static func background(_ outcome: ExecEnd.Outcome?) throws -> BackgroundCommandInfo {
        BackgroundCommandInfo(
            id: 1 << 40,
            command: [0x61, 0xff],
            scope: try WorkspacePath([0x61, 0xff]),
            isolation: "bwrap",
            startedNanoseconds: -7,
            written: StreamOffsets(standardOutput: 5, standardError: 6),
            keptFrom: StreamOffsets(standardOutput: 3, standardError: 4),
            end: outcome.map { end($0).end }
        )
    }

    private static var orgPool: OrgPool {
        var share = OrgPool(org: "acme", pool: statistics.pool, calls: statistics.calls)
        share.connections = 1
        share.callsOK = 1 << 40
        share.callsFailed = 1 << 41
        share.callsInFlight = 2
        share.execsRunning = 3
        share.limits = [LimitUse("disk_bytes", used: 1 << 42, allowed: .max)]
        return share
    }

    private static var entry: ListedEntry {
        var entry = ListedEntry(number: 1 << 40, org: "acme", key: "user-1", backend: .memory, state: .idle)
        entry.leases = 1
        entry.waiters = 2
        entry.age = .milliseconds(3)
        entry.idle = .milliseconds(4)
        entry.commandsRunning = 5
        entry.bytes = 1 << 41
        return entry
    }

    private static var command: ListedCommand {
        var command = ListedCommand(number: 1 << 40, org: "acme", key: "user-1", backend: .localFilesystem)
        command.scope = [0x61, 0xff]
        command.command = "echo é"
        command.isolation = "bwrap"
        command.startedNanoseconds = -7
        command.written = StreamOffsets(standardOutput: 1 << 42, standardError: 6)
        command.isInBackground = true
        return command
    }

    private static var connection: ConnectionDescription {
        var connection = ConnectionDescription()
        connection.number = 1 << 40
        connection.org = "acme"
        connection.tokenID = "0123456789abcdef"
        connection.tokenName = "ci"
        connection.clientName = "acme/2.1"
        connection.peer = "127.0.0.1:9"
        connection.age = .milliseconds(1)
        connection.callsInFlight = 2
        connection.callsWaiting = 3
        connection.bytesIn = 4
        connection.bytesOut = 5
        return connection
    }

    private static func end(_ outcome: ExecEnd.Outcome) -> ExecEndReply {
        ExecEndReply(
            end: ExecEnd(
                outcome: outcome,
                usage: ExecEnd.Usage(
                    wall: .microseconds(1_000_001),
                    user: .microseconds(2),
                    system: .microseconds(3),
                    maximumResidentBytes: 4,
                    standardOutputBytes: 5,
                    standardErrorBytes: 6
                ),
                isTreeEmpty: outcome != .cancelled,
                lingeringProcesses: 7,
                reachedProcessLimit: true
            )
        )
    }

    static let error = BackendError(
        .resourceExhausted,
        reason: .noSpace,
        systemErrno: 28,
        message: "voll: größer machen",
        operation: "write",
        isRetryable: true,
        maybeExecuted: true,
        retryAfter: .milliseconds(250),
        limit: LimitDetails(name: "memory_bytes", used: 3, allowed: .max)
    )

    private static let helloReply = HelloReply(
        version: 1,
        serverVersion: "9.9",
        features: [1, 5, 900],
        node: "n",
        org: "acme",
        limits: SessionLimits(
            maximumFrameLength: 1,
            maximumHeadLength: 2,
            streamWindow: 3,
            connectionWindow: 4,
            maximumCallsInFlight: 5,
            keepaliveInterval: .milliseconds(6)
        ),
        serverTime: 1_700_000_000_000,
        isOperator: true,
        isReadOnly: true
    )

    private static var statistics: StatsReply {
        var stats = StatsReply()
        stats.serverVersion = "9.9"
        stats.node = "n"
        stats.org = "acme"
        stats.uptime = .milliseconds(1)
        stats.connections = 2
        stats.callsOK = 3
        stats.callsFailed = 4
        stats.callsInFlight = 5
        stats.execsRunning = 6
        stats.limits = [LimitUse("org_disk_bytes", used: 1, allowed: .max)]
        stats.pool.active = 7
        stats.pool.idle = 8
        stats.pool.creating = 9
        stats.pool.waiting = 10
        stats.pool.hits = 11
        stats.pool.misses = 12
        stats.pool.creations = 13
        stats.pool.creationFailures = 14
        stats.pool.evictions = 15
        stats.pool.staleReleases = 16
        stats.pool.expirations = 17
        stats.pool.replacements = 18
        stats.pool.timeouts = 19
        stats.pool.refusals = 20
        stats.pool.leases = 21
        stats.pool.destroying = 22
        stats.pool.queued = 23
        stats.pool.longestWait = .microseconds(24)
        stats.pool.waits.count = 25
        stats.pool.waits.sum = .microseconds(26)
        stats.pool.waits.p50 = .microseconds(27)
        stats.pool.waits.p99 = .microseconds(28)
        stats.pool.holds.count = 29
        stats.workspacesDeleted = 30
        stats.workspacesExpired = 31
        stats.calls.waiting = 32
        stats.calls.longestWait = .microseconds(33)
        stats.calls.bytesInFlight = 34
        stats.calls.orgConnectionsRefusals = 35
        stats.calls.orgCallsInFlightRefusals = 36
        stats.calls.orgRunningCommandsRefusals = 37
        stats.calls.orgBytesInFlightRefusals = 38
        stats.calls.orgQueuedCallsRefusals = 39
        stats.calls.orgCallsPerSecondRefusals = 40
        stats.calls.orgBytesPerSecondRefusals = 41
        stats.calls.callsInFlightRefusals = 42
        stats.calls.runningCommandsRefusals = 43
        stats.connectionsRefused = 44
        stats.connectionsDisplaced = 45
        stats.authFailures = 46
        return stats
    }

    private static var drainReport: DrainReport {
        var report = DrainReport()
        report.connections = 1
        report.finished = 2
        report.cancelled = 3
        report.abandoned = 4
        return report
    }
}
