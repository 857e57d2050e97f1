internal import AgentBackend
internal import BackendPool
internal import BrokerClient
internal import BrokerServer
internal import NIOCore
internal import Synchronization

/// The feeds of all tokens that are logged in. Safe to use from any thread; ``run(ended:)`` has to be running.
final class DashboardFeeds: Sendable {
    private struct Member {
        let feed: DashboardFeed
        /// Sessions that have it, and those that are about to.
        var uses: Int
    }

    private struct State {
        var members: [TokenDigest: Member] = [:]
        var isClosed = false

        /// Nil: there is none that goes on.
        mutating func use(_ token: TokenDigest) -> DashboardFeed? {
            guard let feed = members[token]?.feed, !feed.isOver else { return nil }
            members[token]?.uses += 1
            return feed
        }
    }

    private enum Job: Sendable {
        case run(DashboardFeed)
        case close(DashboardFeed)
        case drain(DashboardFeed)
    }

    private let broker: BrokerAccess
    private let state = Mutex(State())
    /// Bounded by the limits on sessions.
    private let jobs = Mailbox<Job>()

    init(_ broker: BrokerAccess) {
        self.broker = broker
    }

    /// The feed of a token, which goes on until ``release(_:)`` was called as often: made where there is none. Throws
    /// `AUTH_FAILED` for a token that the broker does not know, and whatever else keeps it from being connected.
    ///
    /// - Parameter peer: Whoever shows the token.
    func feed(_ token: String, for peer: SocketAddress?) async throws(BackendError) -> DashboardFeed {
        let digest = TokenDigest(token)
        if let known = state.withLock({ $0.use(digest) }) { return known }
        var configuration = BrokerConnection.Configuration()
        configuration.clientName = "dashboard"
        // The broker answers a wrong token after a while, which grows.
        configuration.helloDeadline = broker.configuration().limits.maxAuthFailureDelay + .seconds(10)
        let connection = try await BrokerConnection.connect(
            over: try broker.connect(peer),
            token: token,
            configuration: configuration
        )
        let principal: Principal
        do throws(BackendError) {
            principal = try broker.principal(token)
        } catch {
            await connection.close()
            throw error
        }
        let made = DashboardFeed(digest, connection, principal, broker)
        let kept = state.withLock { state -> DashboardFeed? in
            guard !state.isClosed else { return nil }
            if let first = state.use(digest) { return first }
            state.members[digest] = Member(feed: made, uses: 1)
            jobs.send(.run(made))
            return made
        }
        if kept !== made { await made.close() }
        guard let kept else { throw BackendError(.shuttingDown, message: "the broker ends: connect to another one") }
        return kept
    }

    /// One use less. After the last it is closed.
    func release(_ feed: DashboardFeed) {
        state.withLock { state in
            // One that was over has another in its place.
            guard let member = state.members[feed.token], member.feed === feed else { return }
            state.members[feed.token]?.uses -= 1
            guard member.uses == 1 else { return }
            state.members[feed.token] = nil
            if !state.isClosed { jobs.send(.close(feed)) }
        }
    }

    /// Has the broker end, with the right of a feed's token. It answers when all else has ended, which nobody waits for.
    func drain(_ feed: DashboardFeed) {
        state.withLock { state in
            if !state.isClosed { jobs.send(.drain(feed)) }
        }
    }

    /// Until ``stop()``, or by cancellation. `ended`: a feed is over.
    func run(ended: @escaping @Sendable (DashboardFeed) -> Void) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while let batch = await jobs.next() {
                    for job in batch {
                        group.addTask { await self.perform(job, ended) }
                    }
                }
                group.cancelAll()
            }
        } onCancel: {
            stop()
        }
    }

    private func perform(_ job: Job, _ ended: @Sendable (DashboardFeed) -> Void) async {
        switch job {
        case .run(let feed):
            await feed.run()
            ended(feed)
        case .close(let feed): await feed.close()
        case .drain(let feed): _ = try? await feed.connection.drain()
        }
    }

    /// Idempotent.
    func stop() {
        state.withLock { $0.isClosed = true }
        jobs.finish()
    }
}
