internal import AgentBackend
internal import BrokerClient
internal import BrokerServer
internal import NIOCore
internal import Synchronization

/// A connection to the broker for each token that is used: made when it is first shown, shared by all its requests, and
/// closed when nobody has used it for a while. Safe to use from any thread.
///
/// A token is good as long as the broker keeps the connection. One that is revoked loses it, and the next request tries
/// again in vain.
final class BrokerLinks: Sendable {
    /// The use of a connection, as long as this is kept: an answer may be written long after the handler of its request
    /// has returned, or never, where its client is gone.
    final class Use: Sendable {
        let token: TokenDigest
        let backend: RemoteFilesystemBackend
        private let links: BrokerLinks

        fileprivate init(_ token: TokenDigest, _ backend: RemoteFilesystemBackend, of links: BrokerLinks) {
            self.token = token
            self.backend = backend
            self.links = links
        }

        deinit {
            links.giveBack(token, backend)
        }
    }

    private struct Link {
        let backend: RemoteFilesystemBackend
        var uses = 0
        var lastUse: ContinuousClock.Instant
    }

    private struct State {
        var links: [TokenDigest: Link] = [:]
        var isClosed = false
    }

    private let broker: BrokerAccess
    private let state = Mutex(State())

    init(_ broker: BrokerAccess) {
        self.broker = broker
    }

    /// Time without use after which a connection is closed, and between two looks for such.
    private static let idleTime = Duration.seconds(60)

    /// The connection of a token. Throws `AUTH_FAILED` for one that the broker does not know, and whatever else keeps it
    /// from being connected.
    ///
    /// - Parameter peer: Whoever shows the token.
    func use(_ token: String, for peer: SocketAddress?) async throws(BackendError) -> Use {
        let digest = TokenDigest(token)
        let use = Use(digest, try take(digest, token, peer), of: self)
        do throws(BackendError) {
            try await use.backend.connect()
        } catch {
            forget(digest, use.backend)
            throw error
        }
        return use
    }

    private func take(
        _ digest: TokenDigest,
        _ token: String,
        _ peer: SocketAddress?
    ) throws(BackendError) -> RemoteFilesystemBackend {
        let known = state.withLock { state in
            state.links[digest]?.uses += 1
            return state.links[digest]?.backend
        }
        if let known { return known }
        let maximum = broker.configuration().http.maxTokens
        let made = try makeBackend(token, peer)
        let result: Result<RemoteFilesystemBackend, BackendError> = state.withLock { state in
            guard !state.isClosed else { return .failure(Self.closed) }
            if state.links[digest] == nil {
                guard state.links.count < maximum else { return .failure(Self.tooMany(maximum)) }
                state.links[digest] = Link(backend: made, lastUse: .now)
            }
            state.links[digest]?.uses += 1
            return .success(state.links[digest]?.backend ?? made)
        }
        return try result.get()
    }

    private func giveBack(_ digest: TokenDigest, _ backend: RemoteFilesystemBackend) {
        state.withLock { state in
            guard state.links[digest]?.backend === backend else { return }
            state.links[digest]?.uses -= 1
            state.links[digest]?.lastUse = .now
        }
    }

    /// One that could not be connected: it is gone with its last use.
    private func forget(_ digest: TokenDigest, _ backend: RemoteFilesystemBackend) {
        state.withLock { state in
            if state.links[digest]?.backend === backend { state.links[digest] = nil }
        }
    }

    /// Connects to nothing yet.
    private func makeBackend(
        _ token: String,
        _ peer: SocketAddress?
    ) throws(BackendError) -> RemoteFilesystemBackend {
        var connection = BrokerConnection.Configuration()
        connection.clientName = "http"
        // The broker answers a wrong token after a while, which grows.
        connection.helloDeadline = broker.configuration().limits.maxAuthFailureDelay + .seconds(10)
        let configuration = RemoteFilesystemBackend.Configuration(
            address: .unix(path: "in-process"),
            token: token,
            // Each use names its own.
            target: BrokerTarget(key: "none"),
            connection: connection,
            reconnection: ReconnectPolicy(isEnabled: false)
        )
        let broker = broker
        return try RemoteFilesystemBackend(configuration) { () throws(BackendError) in try broker.connect(peer) }
    }

    /// Closes what is idle. `isNeeded`: whether something goes on with a token. Ends by cancellation.
    func run(isNeeded: @Sendable (TokenDigest) -> Bool) async {
        while (try? await Task.sleep(for: Self.idleTime)) != nil {
            let idle = state.withLock { state in
                let limit = ContinuousClock.now - Self.idleTime
                let idle = state.links.filter { $0.value.uses == 0 && $0.value.lastUse < limit && !isNeeded($0.key) }
                for digest in idle.keys { state.links[digest] = nil }
                return idle.values.map(\.backend)
            }
            for backend in idle { await backend.destroy() }
        }
    }

    /// Closes all, with what goes on over them.
    func close() async {
        let backends = state.withLock { state in
            state.isClosed = true
            defer { state.links = [:] }
            return state.links.values.map(\.backend)
        }
        for backend in backends { await backend.destroy() }
    }

    private static let closed = BackendError(
        .shuttingDown,
        message: "the broker ends: connect to another one",
        isRetryable: true
    )

    private static func tooMany(_ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(allowed) tokens are in use already, and no more may be: try again later",
            isRetryable: true,
            limit: LimitDetails(name: "http_tokens", used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }
}
