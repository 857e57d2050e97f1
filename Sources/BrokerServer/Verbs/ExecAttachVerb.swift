internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Reads a command in the background, from an offset on, until it has ended.
extension ExecAttach: StreamVerb {
    static let name = "exec_attach"
    static let isModifying = false

    /// Bytes that are taken at a time.
    private static let pieceLength = 64 << 10

    func perform(
        _ call: Call,
        in session: Session,
        of broker: BrokerCore,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        let (found, key): (BackgroundExec, String?) =
            org.isEmpty
            ? (try session.background(exec, call.target, of: broker), nil)
            : try session.background(exec, in: org, of: broker)
        let maximum = broker.configuration.current.exec.maxBackgroundReaders
        return try await found.withReader(from: offsets, maximum: maximum) { reader throws(BackendError) in
            try await stream.send(.execAttached(found.info), payload: ByteBuffer())
            while true {
                try await reader.wait()
                try checkAccess(key, call, session, broker)
                var piece = reader.take(upTo: 0)
                if piece == nil {
                    // Nothing is kept for a caller that reads slowly: bytes are taken when they can be sent.
                    piece = reader.take(upTo: try await stream.reserve(upTo: Self.pieceLength))
                }
                switch piece {
                case .output(let output, let offset, let bytes):
                    try await stream.send(.execOutput(ExecOutput(stream: output, offset: offset)), payload: bytes)
                case .gap(let output, let missing):
                    try await stream.send(
                        .execGap(ExecGap(stream: output, missing: missing)),
                        payload: ByteBuffer()
                    )
                case .end(let end):
                    return Answer(.execEnd(ExecEndReply(end: end)))
                case nil:
                    break
                }
            }
        }
    }
}

extension ExecAttach {
    /// What the token may read may have become less since the last piece. `key`: of a command that its org names.
    private func checkAccess(
        _ key: String?,
        _ call: Call,
        _ session: Session,
        _ broker: BrokerCore
    ) throws(BackendError) {
        if let key {
            _ = try session.administered(org, of: broker)
            guard session.principal.isTold(of: key) else { throw .noCommand(exec) }
        } else {
            try session.principal.authorizeWrite()
            if let target = call.target, target.lease == 0 { _ = try session.keyedPoolKey(target) }
        }
    }
}

/// Waits for the end of a command in the background.
extension ExecWait: StreamVerb {
    static let name = "exec_wait"
    static let isModifying = false

    func perform(
        _ call: Call,
        in session: Session,
        of broker: BrokerCore,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        let exec = try session.background(exec, call.target, of: broker)
        let maximum = broker.configuration.current.exec.maxBackgroundReaders
        let end = StreamOffsets(standardOutput: .max, standardError: .max)
        return try await exec.withReader(from: end, maximum: maximum) { reader throws(BackendError) in
            while true {
                try await reader.wait()
                if case .end(let end) = reader.take(upTo: 0) { return Answer(.execEnd(ExecEndReply(end: end))) }
            }
        }
    }
}
