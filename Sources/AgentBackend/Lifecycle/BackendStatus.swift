/// Whether a backend answers. Local and memory backends are connected until they are destroyed; a remote one goes
/// disconnected → connecting → connected → (disconnected → reconnecting → connecting)* → destroyed.
public enum BackendStatus: String, Sendable, Hashable, CaseIterable {
    case connected
    case connecting
    case disconnected
    /// It waits for its next attempt to connect.
    case reconnecting
    /// For good.
    case destroyed
}

/// One change of a backend's status.
public struct BackendStatusChange: Sendable {
    public var from: BackendStatus
    public var to: BackendStatus
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    /// What brought it about; nil where it was asked for.
    public var cause: BackendError?

    public init(from: BackendStatus, to: BackendStatus, time: Int64, cause: BackendError? = nil) {
        self.from = from
        self.to = to
        self.time = time
        self.cause = cause
    }
}

/// Something that uses a backend and is to be closed before it is destroyed, such as a client of a protocol.
public protocol BackendCloseable: Sendable {
    /// Called once. What it throws is logged, and ends nothing.
    func close() async throws
}
