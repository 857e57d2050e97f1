internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What the typed calls are made of.
extension BrokerConnection {
    /// Starts a call. Throws `CANCELLED` in a task that is cancelled already: then nothing was sent.
    func start(_ request: CallRequest) throws(BackendError) -> ClientCall {
        guard !Task.isCancelled else { throw Self.cancelled.during(request.operation.name) }
        return try ClientCall(request, on: self)
    }

    /// A call with one frame in each direction.
    func unary(
        _ operation: Operation,
        on target: BrokerTarget?,
        call options: BrokerCallOptions,
        payload: ByteBuffer = ByteBuffer()
    ) async throws(BackendError) -> (reply: Reply, payload: ByteBuffer) {
        try await start(CallRequest(operation, on: target, options: options, payload: payload)).onlyPart()
    }
}

extension ClientCall {
    /// The answer of a call that is answered with one frame.
    func onlyPart() async throws(BackendError) -> (reply: Reply, payload: ByteBuffer) {
        guard let part = try await next(), part.isLast, let reply = part.reply else { throw await strangeAnswer() }
        return (reply, part.payload)
    }

    /// The broker answered what does not belong here. Ends the call.
    func strangeAnswer() async -> BackendError {
        await cancelAndWait()
        return BackendError.strangeAnswer(to: operation)
    }
}

extension BackendError {
    static func strangeAnswer(to operation: String) -> BackendError {
        BackendError(
            .protocolError,
            message: "the broker's answer does not belong to the call: use client and broker of versions that fit",
            operation: operation,
            maybeExecuted: true
        )
    }
}

extension Operation {
    /// As in errors and in the broker's logs.
    var name: String {
        switch self {
        case .echo: "echo"
        case .acquire: "acquire"
        case .release: "release"
        case .describe: "describe"
        case .read: "read"
        case .write: "write"
        case .readdir: "readdir"
        case .stat: "stat"
        case .rm: "rm"
        case .exists: "exists"
        case .mkdir: "mkdir"
        case .touch: "touch"
        case .rename: "rename"
        case .copy: "copy"
        case .listKeys: "list_keys"
        case .deleteKey: "delete_key"
        case .clearKeys: "clear_keys"
        case .listWorkspaces: "list_workspaces"
        case .deleteWorkspace: "delete_workspace"
        case .execStart: "exec"
        case .stats: "stats"
        }
    }
}
