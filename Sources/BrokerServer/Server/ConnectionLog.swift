internal import AgentBackend
internal import Logging
internal import NIOCore
internal import Synchronization

/// Counts connections and tells the operator of those that were refused or broke the protocol: of so many in a second,
/// and how many were left out. What a peer does must not fill a disk, nor wait for one.
struct ConnectionLog: ConnectionObserver {
    private let counters: OrgCounterTable
    private let refusals: RefusalAudit?
    private let logger: Logger
    private let throttle: LogThrottle

    /// - Parameters:
    ///   - refusals: Has wrong tokens recorded.
    ///   - linesPerSecond: About connections that were not served well.
    init(
        counters: OrgCounterTable,
        refusals: RefusalAudit?,
        logger: Logger,
        linesPerSecond: Int,
        elapsed: @escaping @Sendable () -> Duration
    ) {
        self.counters = counters
        self.refusals = refusals
        self.logger = logger
        throttle = LogThrottle(linesPerSecond: linesPerSecond, elapsed: elapsed)
    }

    func connectionAccepted() {}

    func connectionAuthenticated(_ principal: Principal, clientName: String) -> OrgCounters {
        logger.debug(
            "connected",
            metadata: ["org": "\(principal.org.name)", "token": "\(principal.tokenID)", "client": "\(clientName)"]
        )
        let counters = counters[principal.org]
        counters.connections.add(1, ordering: .relaxed)
        return counters
    }

    func authenticationFailed(_ failure: AuthenticationFailure, of stranger: Stranger) {
        refusals?.tokenRefused(stranger)
        tell(.notice, "a token is not known") {
            [
                "peer": "\(stranger.address?.description ?? "unix")", "of_address": "\(failure.ofAddress)",
                "in_all": "\(failure.inAll)",
                "delay": "\(failure.delay)",
            ]
        }
    }

    func connectionRefused(_ error: BackendError, peer: String, inAll: UInt64) {
        tell(.warning, "connection not taken") {
            ["peer": "\(peer)", "error": "\(error)", "limit": "\(error.limit?.name ?? "")", "in_all": "\(inAll)"]
        }
    }

    func connectionFailed(_ error: BackendError, peer: String) {
        // That one was told when it happened.
        guard error.code != .authFailed else { return }
        tell(.notice, "connection refused") { ["peer": "\(peer)", "error": "\(error)"] }
    }

    func handshakeFailed(_ error: BackendError, peer: String) {
        tell(.notice, "connection refused") { ["peer": "\(peer)", "error": "\(error)"] }
    }

    func connectionEnded(_ principal: Principal?) {
        guard let principal else { return }
        counters[principal.org].connections.subtract(1, ordering: .relaxed)
        logger.debug("disconnected", metadata: ["org": "\(principal.org.name)", "token": "\(principal.tokenID)"])
    }

    private func tell(_ level: Logger.Level, _ message: Logger.Message, _ metadata: () -> Logger.Metadata) {
        guard logger.logLevel <= level, let leftOut = throttle.admit() else { return }
        var metadata = metadata()
        if leftOut > 0 { metadata["left_out"] = "\(leftOut)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
