public import AgentBackend
internal import BrokerWire

extension BrokerConnection {
    /// Ends the broker in order: it accepts nothing more, calls in flight get its drain timeout to end in, those that
    /// have not are cancelled with `SHUTTING_DOWN`, and it exits. Returns once all other calls have ended, those of this
    /// connection too. Throws `PERMISSION_DENIED` where the token is not an operator's.
    public func drain(
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerDrainReport {
        try await perform(.drain, on: nil, call: options)
    }
}

/// What became of the calls that were in flight when a broker began to end.
public struct BrokerDrainReport: Sendable, Hashable {
    /// Open when it began.
    public var connections: UInt32
    /// Calls that came to their own end.
    public var finished: UInt64
    /// Calls that were cancelled because the time was up.
    public var cancelled: UInt64
    /// Calls that lost their connection.
    public var abandoned: UInt64

    init(_ report: DrainReport) {
        connections = report.connections
        finished = report.finished
        cancelled = report.cancelled
        abandoned = report.abandoned
    }
}
