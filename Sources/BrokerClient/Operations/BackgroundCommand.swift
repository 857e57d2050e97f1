public import AgentBackend
internal import BrokerWire

/// A command in the background of a broker's entry: it goes on whatever becomes of this value, of the call that started
/// it, and of the connection. It ends by itself, at its timeout, by ``kill(call:)``, or with its entry or the broker.
///
/// A value that names it. Every method throws `NOT_FOUND` where the key and scope have no such command, or it ended and
/// is remembered no more, and what any call throws.
public struct BackgroundCommand: Sendable {
    /// Names it for as long as the broker runs. Not a process id.
    public let id: UInt64
    let target: BrokerTarget
    let origin: any CallOrigin

    /// Reads what it writes, and wrote, from these offsets on.
    public func attach(
        from offsets: StreamOffsets = .beginning,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BackgroundOutput {
        let attach = Operation.execAttach(ExecAttach(exec: id, offsets: offsets))
        let call = try origin.start(CallRequest(attach, on: target, options: options))
        return try await BackgroundOutput(call, from: offsets)
    }

    /// Waits for its end. Cancelling the task ends the wait alone, and so does the deadline of the call.
    public func wait(call options: BrokerCallOptions = BrokerCallOptions()) async throws(BackendError) -> ExecEnd {
        try await origin.perform(.execWait(id), on: target, call: options)
    }

    /// Sends a signal to every process of it. Of one that has ended: nothing happens.
    public func signal(
        _ number: Int32,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await origin.perform(.execSignal(id, number), on: target, call: options)
    }

    /// Changes the size of its terminal; its programs are told. Of one that has ended: nothing happens. Throws
    /// `INVALID_ARGUMENT` for a command without a terminal, or a size of 0.
    public func resizeTerminal(
        to size: TerminalSize,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await origin.perform(.execResize(id, size), on: target, call: options)
    }

    /// Ends its whole process tree at once.
    public func kill(call options: BrokerCallOptions = BrokerCallOptions()) async throws(BackendError) {
        try await signal(9, call: options)
    }
}

extension CallOrigin {
    func execDetached(
        _ request: ExecRequest,
        on target: BrokerTarget,
        _ options: BrokerCallOptions
    ) async throws(BackendError) -> BackgroundCommand {
        let started = try await perform(.execDetached(request), on: target, call: options)
        return BackgroundCommand(id: started.exec, target: target, origin: self)
    }

    func backgroundCommands(
        on target: BrokerTarget,
        _ options: BrokerCallOptions
    ) async throws(BackendError) -> [BackgroundCommandInfo] {
        var cursor = PageCursor<BackgroundCommandInfo>("exec_list") { [self] last throws(BackendError) in
            let page = try await perform(.execList(after: last?.id ?? 0), on: target, call: options)
            return PageCursor.Page(elements: page.execs, isTruncated: page.isTruncated)
        }
        var commands: [BackgroundCommandInfo] = []
        while let command = try await cursor.next() { commands.append(command) }
        return commands
    }
}

extension BrokerConnection {
    /// Starts a command in the background of the target's entry, and returns when it has started. Its standard input is
    /// at its end. Without a timeout it gets the broker's for such commands. In an entry without a key it ends with the
    /// entry's lease.
    public func execDetached(
        _ request: ExecRequest,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BackgroundCommand {
        try await execDetached(request, on: target, options)
    }

    /// Commands in the background of the target's entry, in the order in which they were started: those that run, and
    /// the last of those that ended.
    public func backgroundCommands(
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> [BackgroundCommandInfo] {
        try await backgroundCommands(on: target, options)
    }

    /// One that was started before, perhaps over another connection. Asks the broker nothing.
    public func backgroundCommand(_ id: UInt64, on target: BrokerTarget) -> BackgroundCommand {
        BackgroundCommand(id: id, target: target, origin: self)
    }
}

extension RemoteFilesystemBackend {
    /// Starts a command in the background, and returns when it has started; see
    /// ``BrokerConnection/execDetached(_:on:call:)``. It goes on when the backend is destroyed or its connection lost.
    public func execDetached(_ request: ExecRequest) async throws(BackendError) -> BackgroundCommand {
        try checkNotDestroyed()
        return try await connection.execDetached(request, on: target, options)
    }

    /// Runs a shell line in the background.
    public func execDetached(
        _ command: String,
        workingDirectory: String = WorkspacePath.rootName,
        environment: Environment = Environment(),
        timeout: Duration? = nil
    ) async throws(BackendError) -> BackgroundCommand {
        try await execDetached(
            ExecRequest(
                .shellLine(Array(command.utf8)),
                environment: environment,
                workingDirectory: try WorkspacePath(workingDirectory),
                timeout: timeout
            )
        )
    }

    /// See ``BrokerConnection/backgroundCommands(on:call:)``.
    public func backgroundCommands() async throws(BackendError) -> [BackgroundCommandInfo] {
        try checkNotDestroyed()
        return try await connection.backgroundCommands(on: target, options)
    }

    /// See ``BrokerConnection/backgroundCommand(_:on:)``.
    public func backgroundCommand(_ id: UInt64) -> BackgroundCommand {
        BackgroundCommand(id: id, target: target, origin: connection)
    }
}
