internal import AgentBackend
internal import BrokerClient
internal import BrokerServer
internal import ModelContextProtocol
internal import NIOCore
internal import Synchronization

/// What goes on at a broker, as one token sees it: asked for once a second over the token's own connection while there
/// are pages, however many, and told to all of them. Safe to use from any thread.
final class DashboardFeed: Sendable {
    let token: TokenDigest
    let connection: BrokerConnection
    /// Who its token spoke for when it was logged in with.
    let principal: Principal
    private let broker: BrokerAccess
    private let state = Mutex(State())
    private let pagesCame = (sampler: Wakeup(), follower: Wakeup())

    private struct State {
        var pages: [ObjectIdentifier: PageSubscription] = [:]
        var latest: (event: ByteBuffer, at: ContinuousClock.Instant)?
        var history = OverviewHistory()
        /// Operations told since the last overview.
        var told = 0
        /// Why operations are not followed; nil: they are.
        var unfollowed: String?
        var isOver = false
    }

    private static let interval = Duration.seconds(1)
    /// Operations between two overviews; more are counted.
    private static let maximumOperations = 200

    init(
        _ token: TokenDigest,
        _ connection: BrokerConnection,
        _ principal: Principal,
        _ broker: BrokerAccess
    ) {
        self.token = token
        self.connection = connection
        self.principal = principal
        self.broker = broker
    }

    // MARK: Pages

    /// Nil: the connection is gone. ``unsubscribe(_:)`` has to follow.
    func subscribe() -> PageSubscription? {
        let page = PageSubscription(greeting: state.withLock(\.history.event))
        let isTaken = state.withLock { state in
            guard !state.isOver else { return false }
            state.pages[ObjectIdentifier(page)] = page
            if let latest = state.latest, latest.at + Self.interval * 2 > .now { page.offer(overview: latest.event) }
            return true
        }
        pagesCame.sampler.wake()
        pagesCame.follower.wake()
        return isTaken ? page : nil
    }

    func unsubscribe(_ page: PageSubscription) {
        state.withLock { $0.pages[ObjectIdentifier(page)] = nil }
    }

    private var hasPages: Bool { state.withLock { !$0.pages.isEmpty } }
    private var pages: [PageSubscription] { state.withLock { Array($0.pages.values) } }

    // MARK: Its life

    var isOver: Bool { state.withLock(\.isOver) }

    /// Until the connection is gone: the token was revoked, or the broker ends, or ``close()``. Called once.
    func run() async {
        await withTaskGroup { group in
            group.addTask { [connection] in
                await withTaskCancellationHandler {
                    await connection.waitUntilClosed()
                } onCancel: {
                    connection.beginClosing()
                }
            }
            group.addTask { await self.sample() }
            group.addTask { await self.follow() }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.isOver = true }
        await connection.close()
    }

    /// Idempotent.
    func close() async {
        await connection.close()
    }

    /// Why it is over.
    var reason: String { broker.isDraining() ? "draining" : "token revoked" }

    /// Returns when the broker answers no more.
    private func sample() async {
        var latencies = LatencyMeter()
        while !Task.isCancelled {
            guard hasPages else {
                latencies = LatencyMeter()
                await pagesCame.sampler.wait()
                continue
            }
            do throws(BackendError) {
                var overview = try await Overview(of: connection, isDraining: broker.isDraining())
                // Of orgs that the wire told of alone is anything shown. What is asked for over it counts as calls.
                let orgs = principal.isOperator ? broker.metrics().orgs : [broker.orgMetrics(principal.org)]
                let calls = orgs.map { ($0.name, $0.calls.latency) }
                overview.latencies = latencies.difference(to: Dictionary(calls) { first, _ in first })
                overview.unfollowed = state.withLock(\.unfollowed)
                tell(overview)
            } catch {
                if error.code == .connectionClosed || error.code == .shuttingDown { return }
                let event = ByteBuffer(event: "trouble", ["message": .string("\(error.code): \(error.message)")])
                for page in pages { page.offer(trouble: event) }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func tell(_ overview: Overview) {
        let (event, sample) = (ByteBuffer(event: "overview", overview.json), overview.sample)
        let pages = state.withLock { state in
            state.latest = (event, .now)
            state.history.add(sample)
            state.told = 0
            return Array(state.pages.values)
        }
        for page in pages { page.offer(overview: event) }
    }

    /// Follows the operations that change something or fail while there are pages.
    private func follow() async {
        while !Task.isCancelled {
            guard hasPages else {
                await pagesCame.follower.wait()
                continue
            }
            do {
                try await connection.withLog { log in
                    state.withLock { $0.unfollowed = nil }
                    while hasPages, let line = try await log.next() { tell(line) }
                }
            } catch {
                // As when as many follow as may: the overview goes on without operations, and says so.
                let error = error as? BackendError ?? BackendError(.internal, message: "\(error)")
                state.withLock { $0.unfollowed = "\(error.code): \(error.message)" }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func tell(_ line: String) {
        guard let record = try? JSONParser.parse(ByteBuffer(string: line)) else { return }
        if let dropped = record["dropped"]?.wholeNumber {
            return miss(UInt64(clamping: dropped))
        }
        guard let event = OperationEvent(record) else { return }
        let pages: [PageSubscription]? = state.withLock { state in
            state.told += 1
            return state.told > Self.maximumOperations ? nil : Array(state.pages.values)
        }
        guard let pages else { return miss(1) }
        let bytes = ByteBuffer(event: "operation", event.json)
        for page in pages { page.offer(operation: bytes) }
    }

    private func miss(_ count: UInt64) {
        for page in pages { page.miss(count) }
    }
}
