internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// Calls that are to have their effect once, however often they are sent.
extension Router {
    /// Carries out a call that changes something and has an idempotency key.
    nonisolated func performOnce(
        _ key: String,
        _ call: Call,
        in session: Session,
        stream: any CallStream,
        _ began: () -> Void
    ) async throws(BackendError) -> Answer {
        if case .execStart(let start) = call.operation, !start.isDetached { throw Self.outputIsNotKept }
        if call.operation.isOfConnection { throw Self.belongsToConnection }
        return try await broker.idempotency.once(
            key,
            of: session.org,
            request: try request(call, session),
            limits: broker.configuration.current.limits,
            stream
        ) { stream throws(BackendError) in
            began()
            return try await performAnew(call, in: session, stream: stream)
        }
    }

    /// Equal for equal requests, whatever connection they come by.
    private nonisolated func request(_ call: Call, _ session: Session) throws(BackendError) -> Int {
        var hasher = Hasher()
        hasher.combine(call.operation)
        if var target = call.target {
            // Another connection has another lease on the same entry.
            if target.lease != 0 {
                hasher.combine(try session.held(target).key)
                target.lease = 0
            }
            hasher.combine(target)
        }
        return hasher.finalize()
    }

    private static let outputIsNotKept = BackendError(
        .invalidArgument,
        message: "a command's output is not kept for later: start it detached to give it an idempotency key"
    )

    private static let belongsToConnection = BackendError(
        .invalidArgument,
        message: "a lease belongs to its connection: send the call without an idempotency key"
    )
}

extension Call {
    /// Nil: it has none, or changes nothing, so that it may be repeated anyway.
    var idempotencyKey: String? {
        guard let key = options.special?.idempotencyKey, !key.isEmpty else { return nil }
        return operation.isModifying || operation.isOfConnection ? key : nil
    }
}

extension Operation {
    var isModifying: Bool {
        switch verb {
        case .entry(let verb): type(of: verb).isModifying
        case .upload(let verb): type(of: verb).isModifying
        case .session(let verb): type(of: verb).isModifying
        case .stream(let verb): type(of: verb).isModifying
        }
    }

    /// What it changes is its connection's alone.
    fileprivate var isOfConnection: Bool {
        switch self {
        case .acquire, .release: true
        default: false
        }
    }
}
