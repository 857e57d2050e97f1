internal import AgentBackend
internal import Logging
internal import Synchronization

/// Counts connections and tells the operator of those that were refused or broke the protocol.
struct ConnectionLog: ConnectionObserver {
    let counters: OrgCounterTable
    let logger: Logger

    func connectionAccepted() {}

    func connectionAuthenticated(_ principal: Principal, clientName: String) -> OrgCounters {
        logger.debug(
            "connected",
            metadata: ["org": "\(principal.org.name)", "token": "\(principal.tokenID)", "client": "\(clientName)"]
        )
        let counters = counters[principal.org.id]
        counters.connections.add(1, ordering: .relaxed)
        return counters
    }

    func connectionFailed(_ error: BackendError, peer: String) {
        logger.notice("connection refused", metadata: ["peer": "\(peer)", "error": "\(error)"])
    }

    func connectionEnded(_ principal: Principal?) {
        guard let principal else { return }
        counters[principal.org.id].connections.subtract(1, ordering: .relaxed)
        logger.debug("disconnected", metadata: ["org": "\(principal.org.name)", "token": "\(principal.tokenID)"])
    }
}
