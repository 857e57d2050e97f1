import AgentBackend
import NIOCore

@testable import BrokerWire

/// One frame of every kind, with every field set to something that is not its default, and again with none set.
enum Samples {
    static func client() throws -> [(name: String, frame: ClientFrame)] {
        var samples: [(String, ClientFrame)] = [
            (
                "hello",
                ClientFrame(id: 0, body: .hello(Hello(versions: 1...7, token: "ab_x_y", clientName: "acme/2.1")))
            ),
            ("ping", ClientFrame(id: 0, body: .ping(nonce: .max))),
            ("pong", ClientFrame(id: 0, body: .pong(nonce: 0x0102_0304_0506_0708))),
            ("cancel", ClientFrame(id: 0, body: .cancel(call: .max))),
            ("window", ClientFrame(id: 0, body: .window(stream: 9, bytes: 1 << 40))),
            ("goAway", ClientFrame(id: 0, body: .goAway(GoAway(error: error, lastID: 12, drain: .milliseconds(1500))))),
            ("goAway, planned", ClientFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: 0)))),
            ("chunk", ClientFrame(id: 3, last: false, body: .chunk, payload: ByteBuffer(string: "piece"))),
            ("last chunk", ClientFrame(id: 3, body: .chunk)),
        ]
        for (name, operation) in try operations() {
            samples.append((name, ClientFrame(id: 1, body: .call(operation))))
            samples.append(
                (
                    "\(name), all said",
                    ClientFrame(
                        id: .max,
                        target: Target(backend: .memory, key: "user-1", scopePath: [0xff, 0x2f], lease: 77),
                        last: false,
                        options: CallOptions(
                            lane: 5,
                            CallOptions.Special(
                                deadline: .milliseconds(1234),
                                queueDeadline: .milliseconds(99),
                                requires: [1, 2, 4_000_000_000],
                                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                idempotencyKey: "kéy"
                            )
                        ),
                        body: .call(operation),
                        payload: ByteBuffer(string: "payload")
                    )
                )
            )
        }
        return samples
    }

    private static func operations() throws -> [(String, BrokerWire.Operation)] {
        let environment = try Environment(["PATH": "/bin"])
        let path: [UInt8] = [0x61, 0xff, 0x2f, 0x80]
        let size = TerminalSize(rows: 1, columns: .max)
        return [
            ("echo", .echo),
            ("acquire", .acquire(Acquire())),
            (
                "acquire, configured",
                .acquire(Acquire(configuration: EntryConfiguration(environment: environment, logMode: .verbose)))
            ),
            (
                "acquire, limited",
                .acquire(
                    Acquire(
                        configuration: EntryConfiguration(
                            limits: EntryLimits(
                                maximumFileBytes: 1,
                                maximumExecTimeout: .milliseconds(2),
                                maximumMemoryBytes: 3,
                                maximumLeases: 5,
                                exec: ExecLimits(memoryBytes: 7)
                            ),
                            idleTimeout: .milliseconds(4)
                        )
                    )
                )
            ),
            ("release", .release(Release(lease: 1 << 60))),
            ("describe", .describe),
            ("read", .read(Read(path: path))),
            ("read, range", .read(Read(path: path, range: ReadRange(offset: 1 << 50, length: 3)))),
            ("write", .write(Write(path: path))),
            (
                "write, options",
                .write(Write(path: path, options: WriteOptions(mode: .append, durability: .full, permissions: 0o600)))
            ),
            ("write, expecting", .write(Write(path: path, options: WriteOptions(expectedEtag: Etag(1, 2))))),
            (
                "readdir",
                .readdir(Readdir(path: path, options: ReaddirOptions(withDetails: true, after: [0xfe], limit: 7)))
            ),
            ("stat", .stat(Stat(path: path, followLink: false))),
            ("rm", .rm(Rm(path: path, options: RemoveOptions(recursive: true, force: true)))),
            ("exists", .exists(Exists(path: path))),
            ("mkdir", .mkdir(Mkdir(path: path, options: MkdirOptions(recursive: false, permissions: 0o700)))),
            ("touch", .touch(Touch(path: path))),
            (
                "rename",
                .rename(Rename(path: path, destination: [0xfe], options: RenameOptions(replacesExisting: false)))
            ),
            (
                "copy",
                .copy(
                    Copy(
                        path: path,
                        destination: [0xfe],
                        options: CopyOptions(recursive: true, replacesExisting: false, expectedEtag: Etag(3, 4))
                    )
                )
            ),
            (
                "rename, expecting a version",
                .rename(
                    Rename(path: path, destination: [0xfe], options: RenameOptions(expectedEtag: Etag(1, 2)))
                )
            ),
            (
                "rm, expecting a version",
                .rm(Rm(path: path, options: RemoveOptions(force: true, expectedEtag: Etag(1, 2))))
            ),
            (
                "glob",
                .glob(
                    Glob(
                        try GlobPattern([0x2a, 0xff]),
                        GlobOptions(
                            path: try WorkspacePath(path),
                            includesAllKinds: true,
                            includesHidden: true,
                            withDetails: true,
                            after: try WorkspacePath([0xfe]),
                            limit: 7
                        )
                    )
                )
            ),
            (
                "grep",
                .grep(
                    Grep(
                        try GrepPattern("[a-z]+", isRegularExpression: true, ignoresCase: true),
                        GrepOptions(
                            path: try WorkspacePath(path),
                            includes: [try GlobPattern([0x2a, 0xff]), try GlobPattern("a")],
                            excludes: [try GlobPattern("b")],
                            contextBefore: 1,
                            contextAfter: 2,
                            includesHidden: true,
                            includesVersionControl: true,
                            maximumPerFile: 3,
                            limit: 4,
                            after: try WorkspacePath([0xfe])
                        )
                    )
                )
            ),
            ("edit, nothing", .edit(Edit(path: path, edits: []))),
            (
                "edit",
                .edit(
                    Edit(
                        path: path,
                        edits: [TextEdit([0xff], [0xfe], replacesAll: true), TextEdit("a", "")],
                        options: EditOptions(expectedEtag: Etag(1, 2), isDryRun: true)
                    )
                )
            ),
            ("readLines", .readLines(ReadLines(path: path, window: LineWindow(offset: 1 << 40, limit: 3)))),
            ("statMany", .statMany(StatMany(paths: [path, []], followLink: false))),
            ("readMany", .readMany(ReadMany(paths: [path, []], options: ReadManyOptions(maximumBytesPerFile: 3)))),
            ("chmod", .chmod(Chmod(path: path, permissions: 0o755))),
            ("symlink", .symlink(Symlink(path: path, target: [0xfe]))),
            (
                "tree",
                .tree(
                    Tree(
                        TreeOptions(
                            path: try WorkspacePath(path),
                            depth: 3,
                            excludes: [try GlobPattern("b"), try GlobPattern([0x2a, 0xff])],
                            includesHidden: true,
                            includesVersionControl: true,
                            withDetails: true,
                            after: try WorkspacePath([0xfe]),
                            limit: 7
                        )
                    )
                )
            ),
            (
                "diskUsage",
                .diskUsage(MeasureUsage(path: path, DiskUsageOptions(after: try WorkspacePath([0xfe]), limit: 7)))
            ),
            (
                "archive",
                .archive(
                    Archive(path: path, ArchiveOptions(compression: .zstd, excludes: [try GlobPattern([0x2a, 0xff])]))
                )
            ),
            ("extract", .extract(Extract(path: path, options: ExtractOptions(replacesExisting: false)))),
            (
                "watch",
                .watch(
                    WatchFiles(
                        WatchOptions(
                            path: try WorkspacePath(path),
                            isRecursive: true,
                            includes: [try GlobPattern([0x2a, 0xff])],
                            excludes: [try GlobPattern("b"), try GlobPattern("c")]
                        )
                    )
                )
            ),
            ("uploadBegin", .uploadBegin(UploadBegin(upload: "n", file: Write(path: path)))),
            ("uploadAppend", .uploadAppend(UploadAppend(upload: "n", offset: .max))),
            ("uploadFinish", .uploadFinish(UploadFinish(upload: "n", sha256: [0xff, 0]))),
            ("uploadAbort", .uploadAbort(UploadAbort(upload: "n"))),
            ("checksum", .checksum(Checksum(path: path, range: ReadRange(offset: 1, length: 2)))),
            ("listKeys", .listKeys(ListKeys(prefix: path, options: ListKeysOptions(after: [0xfe], limit: 7)))),
            ("deleteKey", .deleteKey(DeleteKey(key: path))),
            ("clearKeys", .clearKeys),
            ("listWorkspaces", .listWorkspaces(ListWorkspaces(after: "k", limit: 7))),
            ("deleteWorkspace", .deleteWorkspace(DeleteWorkspace(key: "k", force: true))),
            ("exec, nothing", .execStart(ExecStart(program: nil))),
            (
                "exec, line",
                .execStart(
                    ExecStart(
                        program: .shellLine(path),
                        environment: environment,
                        workingDirectory: path,
                        timeout: .milliseconds(60_001),
                        opensStandardInput: true
                    )
                )
            ),
            (
                "exec, limited",
                .execStart(
                    ExecStart(
                        program: .shellLine(path),
                        limits: ExecLimits(
                            cpuTime: .milliseconds(1),
                            memoryBytes: 1 << 40,
                            processes: 3,
                            openFiles: 4,
                            fileBytes: 1 << 41,
                            outputBytes: 6
                        ),
                        network: .host
                    )
                )
            ),
            ("exec, detached", .execStart(ExecStart(program: .shellLine(path), isDetached: true))),
            ("execList", .execList(ExecList(after: 1 << 40, limit: 7))),
            (
                "execAttach",
                .execAttach(
                    ExecAttach(
                        exec: 1 << 40,
                        offsets: StreamOffsets(standardOutput: 1 << 50, standardError: .max),
                        org: "acme"
                    )
                )
            ),
            ("execWait", .execWait(ExecWait(exec: .max))),
            ("execSignal", .execSignal(ExecSignal(exec: 1 << 40, call: 1 << 41, signal: 9))),
            ("execResize", .execResize(ExecResize(exec: 1 << 40, call: 1 << 41, size: size))),
            (
                "exec, terminal",
                .execStart(ExecStart(program: .shellLine(path), terminal: Terminal(size, type: "xterm-256color")))
            ),
            ("exec, arguments", .execStart(ExecStart(program: .arguments([path, [], [0x78]])))),
            ("stats", .stats(Stats(org: "acme"))),
            ("connections", .connections(ListConnections(org: "acme", after: 1 << 40, limit: 3))),
            ("pools", .pools(ListPools(after: "acme", limit: 4))),
            ("logs", .logs(FollowLogs(org: "acme", isVerbose: true))),
            ("reload", .reload),
            ("drain", .drain),
            ("listEntries", .listEntries(ListEntries(org: "acme", after: 1 << 40, limit: 3))),
            ("listCommands", .listCommands(ListCommands(org: "acme", after: 1 << 41, limit: 4))),
            ("killCommand", .killCommand(KillCommand(org: "acme", number: 1 << 42))),
            ("destroyEntry", .destroyEntry(DestroyEntry(org: "acme", key: "user-1", backend: .memory))),
            ("auditQuery", .audit(auditQuery)),
        ]
    }
}

/// A frame's fields as text, its payload as bytes: for comparing frames, most of which are not `Equatable`.
func describe(_ frame: ClientFrame) -> String {
    var (head, text) = (frame, "")
    head.payload = ByteBuffer()
    dump(head, to: &text)
    return "\(text) \(frame.payload.array)"
}

func describe(_ frame: ServerFrame) -> String {
    var (head, text) = (frame, "")
    head.payload = ByteBuffer()
    dump(head, to: &text)
    // Bytes within a message are told by what they are; where they lie differs.
    let lines = text.split(separator: "\n").filter { !$0.contains("bytes: 0x") && !$0.contains("pointerValue: ") }
    return "\(lines.joined(separator: "\n")) \(frame.payload.array)"
}

/// A frame's message, without the header before it.
func message(of frame: ClientFrame) -> ByteBuffer {
    let encoder = ClientFrameEncoder()
    var bytes = ByteBuffer()
    if let payload = encoder.encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
    bytes.moveReaderIndex(forwardBy: FrameHeader.length)
    return bytes
}

func message(of frame: ServerFrame) -> ByteBuffer {
    let encoder = ServerFrameEncoder()
    var bytes = ByteBuffer()
    if let payload = encoder.encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
    bytes.moveReaderIndex(forwardBy: FrameHeader.length)
    return bytes
}
