internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What a call asks for, until it is sent.
struct CallRequest: Sendable {
    let operation: Operation
    var target: Target?
    private(set) var options: CallOptions
    /// The first of its bytes, or all of them.
    let payload: ByteBuffer
    /// No bytes follow `payload`.
    let isWhole: Bool

    init(
        _ operation: Operation,
        on target: BrokerTarget?,
        options: BrokerCallOptions,
        payload: ByteBuffer = ByteBuffer(),
        isWhole: Bool = true
    ) {
        self.operation = operation
        self.target = target?.wire
        self.options = options.wire(for: operation)
        self.payload = payload
        self.isWhole = isWhole
    }

    /// A file that is written in pieces.
    static func upload(
        _ path: WorkspacePath,
        options: WriteOptions,
        on target: BrokerTarget,
        _ callOptions: BrokerCallOptions
    ) -> CallRequest {
        let write = Operation.write(Write(path: path.bytes, options: options))
        return CallRequest(write, on: target, options: callOptions, isWhole: false)
    }

    /// An archive that is sent in pieces.
    static func extraction(
        into path: WorkspacePath,
        options: ExtractOptions,
        on target: BrokerTarget,
        _ callOptions: BrokerCallOptions
    ) -> CallRequest {
        let extract = Operation.extract(Extract(path: path.bytes, options: options))
        return CallRequest(extract, on: target, options: callOptions, isWhole: false)
    }

    static func exec(_ request: ExecRequest, on target: BrokerTarget, _ options: BrokerCallOptions) -> CallRequest {
        CallRequest(
            .execStart(ExecStart(request)),
            on: target,
            options: options,
            isWhole: !request.opensStandardInput
        )
    }

    static func watch(_ options: WatchOptions, on target: BrokerTarget, _ callOptions: BrokerCallOptions) -> CallRequest
    {
        CallRequest(.watch(WatchFiles(options)), on: target, options: callOptions)
    }

    var hasIdempotencyKey: Bool { !(options.special?.idempotencyKey ?? "").isEmpty }

    /// Gives a call that changes something a key of its own, where the broker can do it once however often it is sent.
    mutating func addIdempotencyKey() {
        switch operation {
        case .acquire, .release, .reload, .drain: return
        // Made twice it has its effect once.
        case .uploadBegin, .uploadAppend: return
        case .execStart(let start) where !start.isDetached: return
        default: break
        }
        guard isWhole, !operation.isRead, !hasIdempotencyKey else { return }
        options = options.withIdempotencyKey(Self.makeIdempotencyKey())
    }

    /// Another one each time.
    static func makeIdempotencyKey() -> String {
        (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    }

    /// Whether the operation takes its bytes in pieces. One that does not takes all of them with its first frame.
    var takesStream: Bool {
        switch operation {
        case .write, .extract, .uploadAppend, .execStart: true
        case .echo, .acquire, .release, .describe, .read, .readdir, .stat, .rm, .exists, .mkdir, .touch, .rename,
            .copy, .glob, .grep, .edit, .readLines, .statMany, .readMany, .chmod, .symlink, .tree, .diskUsage, .watch,
            .archive, .uploadBegin, .uploadFinish, .uploadAbort, .checksum,
            .listKeys, .deleteKey,
            .clearKeys,
            .execList,
            .execAttach,
            .execWait, .execSignal, .execResize,
            .listWorkspaces, .deleteWorkspace, .stats, .connections, .pools, .logs, .reload, .drain, .audit,
            .listEntries, .listCommands, .killCommand, .destroyEntry:
            false
        }
    }

    /// Throws `INVALID_ARGUMENT` for what the broker would end the connection for, or understand differently.
    func validate(_ limits: ConnectionLimits) throws(BackendError) {
        switch operation {
        case .acquire(let acquire): try acquire.configuration?.checkForZeros()
        case .execStart(let start): try start.limits.checkForZeros("exec")
        default: break
        }
        let headLength = estimatedHeadLength
        guard headLength <= limits.headLength else {
            throw tooLarge("arguments, environment and names", "head_bytes", headLength, limits.headLength)
        }
        let count = payload.readableBytes
        guard takesStream || count <= limits.wholePayloadLength else {
            throw tooLarge("the payload", "payload_bytes", count, limits.wholePayloadLength)
        }
    }

    /// Not less than what its message takes without the payload.
    private var estimatedHeadLength: Int {
        var length = 256
        if let target { length += target.key.utf8.count + target.scopePath.count }
        switch operation {
        case .read(let read): length += read.path.count
        case .write(let write): length += write.path.count
        case .readdir(let readdir): length += readdir.path.count + readdir.options.after.count
        case .stat(let stat): length += stat.path.count
        case .rm(let rm): length += rm.path.count
        case .exists(let exists): length += exists.path.count
        case .mkdir(let mkdir): length += mkdir.path.count
        case .touch(let touch): length += touch.path.count
        case .rename(let rename): length += rename.path.count + rename.destination.count
        case .copy(let copy): length += copy.path.count + copy.destination.count
        case .glob(let call): length += call.pattern.count + call.path.count + call.after.count
        case .grep(let call): length += call.estimatedLength
        case .edit(let call): length += call.estimatedLength
        case .readLines(let call): length += call.path.count
        case .statMany(let call): length += call.paths.reduce(0) { $0 + $1.count + fieldOverhead }
        case .readMany(let call): length += call.paths.reduce(0) { $0 + $1.count + fieldOverhead }
        case .chmod(let call): length += call.path.count
        case .symlink(let call): length += call.path.count + call.target.count
        case .tree(let call): length += call.estimatedLength
        case .diskUsage(let call): length += call.path.count + call.after.count
        case .archive(let call): length += call.excludes.reduce(call.path.count) { $0 + $1.count + fieldOverhead }
        case .extract(let call): length += call.path.count
        case .watch(let call): length += call.estimatedLength
        case .uploadBegin(let call): length += call.upload.utf8.count + call.file.path.count
        case .uploadAppend(let call): length += call.upload.utf8.count
        case .uploadFinish(let call): length += call.upload.utf8.count + call.sha256.count
        case .uploadAbort(let call): length += call.upload.utf8.count
        case .checksum(let call): length += call.path.count
        case .listKeys(let list): length += list.prefix.count + list.options.after.count
        case .deleteKey(let delete): length += delete.key.count
        case .listWorkspaces(let list): length += list.after.utf8.count
        case .deleteWorkspace(let delete): length += delete.key.utf8.count
        case .acquire(let acquire): length += acquire.configuration?.environment.estimatedLength ?? 0
        case .execStart(let start): length += start.estimatedLength
        case .stats(let stats): length += stats.org.utf8.count
        case .connections(let list): length += list.org.utf8.count
        case .pools(let list): length += list.after.utf8.count
        case .logs(let logs): length += logs.org.utf8.count
        case .listEntries(let list): length += list.org.utf8.count
        case .listCommands(let list): length += list.org.utf8.count
        case .killCommand(let kill): length += kill.org.utf8.count
        case .destroyEntry(let destroy): length += destroy.org.utf8.count + destroy.key.utf8.count
        case .execAttach(let attach): length += attach.org.utf8.count
        case .audit(let query): length += query.estimatedLength
        case .echo, .release, .describe, .clearKeys, .execList, .execWait, .execSignal, .execResize,
            .reload, .drain:
            break
        }
        return length
    }

    func deadlineExceeded(maybeExecuted: Bool) -> BackendError {
        BackendError(
            .deadlineExceeded,
            message: "the call took longer than its deadline of \(options.deadline ?? .zero): allow more, or ask for "
                + "less",
            operation: operation.name,
            isRetryable: !maybeExecuted,
            maybeExecuted: maybeExecuted
        )
    }

    private func tooLarge(_ what: String, _ limit: String, _ used: Int, _ allowed: Int) -> BackendError {
        BackendError(
            .invalidArgument,
            reason: .tooLarge,
            message: "\(what) of the call have \(used) bytes, at most \(allowed) work: put contents into files",
            operation: operation.name,
            limit: LimitDetails(name: limit, used: UInt64(used), allowed: UInt64(allowed))
        )
    }
}

/// Tag and length of a field, at most: what a field takes beside its bytes.
private let fieldOverhead = 12

extension Environment {
    fileprivate var estimatedLength: Int {
        variables.reduce(0) { $0 + $1.name.count + $1.value.count + 3 * fieldOverhead }
    }
}

extension ExecStart {
    init(_ request: ExecRequest, isDetached: Bool = false) {
        self.init(
            program: request.program,
            environment: request.environment,
            workingDirectory: request.workingDirectory.bytes,
            // Below a millisecond is not none.
            timeout: request.timeout.map { max($0, .milliseconds(1)) },
            opensStandardInput: request.opensStandardInput && !isDetached,
            isDetached: isDetached,
            terminal: request.terminal,
            limits: request.limits,
            network: request.network
        )
    }

    fileprivate var estimatedLength: Int {
        let programLength =
            switch program {
            case .shellLine(let line): line.count
            case .arguments(let arguments): arguments.reduce(0) { $0 + $1.count + fieldOverhead }
            case nil: 0
            }
        let typeLength = terminal?.type?.utf8.count ?? 0
        return programLength + environment.estimatedLength + workingDirectory.count + typeLength
    }
}

extension Grep {
    fileprivate var estimatedLength: Int {
        (includes + excludes).reduce(pattern.count + path.count + after.count) { $0 + $1.count + fieldOverhead }
    }
}

extension Tree {
    fileprivate var estimatedLength: Int {
        excludes.reduce(path.count + after.count) { $0 + $1.count + fieldOverhead }
    }
}

extension WatchFiles {
    fileprivate var estimatedLength: Int {
        (includes + excludes).reduce(path.count) { $0 + $1.count + fieldOverhead }
    }
}

extension Edit {
    fileprivate var estimatedLength: Int {
        edits.reduce(path.count) { $0 + $1.old.count + $1.new.count + 4 * fieldOverhead }
    }
}

extension EntryConfiguration {
    /// Throws `INVALID_ARGUMENT` for what says "none" on the wire: it would be taken for a limit that was not given.
    fileprivate func checkForZeros() throws(BackendError) {
        let numbers = [
            ("maximumFileBytes", limits.maximumFileBytes), ("maximumMemoryBytes", limits.maximumMemoryBytes),
            ("maximumLeases", limits.maximumLeases.map { UInt64(clamping: $0) }),
            ("maximumExecTimeout", limits.maximumExecTimeout?.inMilliseconds),
            ("idleTimeout", idleTimeout?.inMilliseconds),
        ]
        for case (let name, 0?) in numbers { throw .zero(name, "acquire") }
        try limits.exec.checkForZeros("acquire")
    }
}

extension ExecLimits {
    /// As for ``EntryConfiguration``.
    fileprivate func checkForZeros(_ operation: String) throws(BackendError) {
        let numbers = [
            ("cpuTime", cpuTime?.inMilliseconds), ("memoryBytes", memoryBytes),
            ("processes", processes.map { UInt64(clamping: $0) }),
            ("openFiles", openFiles.map { UInt64(clamping: $0) }),
            ("fileBytes", fileBytes), ("outputBytes", outputBytes),
        ]
        for case (let name, 0?) in numbers { throw .zero(name, operation) }
    }
}

extension BackendError {
    fileprivate static func zero(_ name: String, _ operation: String) -> BackendError {
        BackendError(
            .invalidArgument,
            message: "\(name) is 0: give it a value, or leave it out",
            operation: operation
        )
    }
}
