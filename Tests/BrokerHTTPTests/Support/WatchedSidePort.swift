import AgentBackend
import BrokerHTTP
import Synchronization

@testable import BrokerServer

/// A side port that counts how often the numbers of all orgs are asked for.
final class WatchedSidePort: BrokerFront {
    private let looksAtAll = Atomic(0)
    private let opened = Mutex<BrokerAccess?>(nil)

    /// What it was opened with. Nil: it was not yet.
    var broker: BrokerAccess? { opened.withLock { $0 } }

    var looks: Int { looksAtAll.load(ordering: .sequentiallyConsistent) }

    func open(_ broker: BrokerAccess) async throws(BackendError) -> any OpenFront {
        let watched = BrokerAccess(
            configuration: broker.configuration,
            isDraining: broker.isDraining,
            principal: broker.principal,
            // It keeps this one: the broker would never be gone.
            metrics: { [weak self] in
                self?.looksAtAll.add(1, ordering: .sequentiallyConsistent)
                return broker.metrics()
            },
            orgMetrics: broker.orgMetrics,
            countCall: broker.countCall,
            commandKey: broker.commandKey,
            connect: broker.connect,
            protect: broker.protect,
            auditRefusal: broker.auditRefusal,
            tellRefused: broker.tellRefused,
            logger: broker.logger
        )
        opened.withLock { $0 = watched }
        return try await SidePort().open(watched)
    }
}
