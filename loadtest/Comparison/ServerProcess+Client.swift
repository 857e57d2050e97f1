internal import AgentBackend
internal import BrokerClient
internal import NIOCore
internal import NIOPosix

extension ServerProcess {
    /// Begins what the public client does on a connection of its own, and returns at once.
    ///
    /// - Parameters:
    ///   - org: An index of ``tokens``.
    ///   - key: Of a local entry.
    func beginClient<Result: Sendable>(
        org: Int = 0,
        key: String,
        _ body: @escaping @Sendable (BrokerConnection, BrokerTarget) async throws -> Result
    ) -> EventLoopFuture<Result> {
        let (endpoint, token) = ("\(endpoint)", tokens[org])
        return MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
            try await BrokerConnection.withConnection(to: try BrokerAddress(endpoint), token: token) { connection in
                try await body(connection, BrokerTarget(backend: .localFilesystem, key: key))
            }
        }
    }

    /// Does all of it.
    func withClient<Result: Sendable>(
        key: String,
        _ body: @escaping @Sendable (BrokerConnection, BrokerTarget) async throws -> Result
    ) throws(LoadFailure) -> Result {
        try beginClient(key: key, body).outcome()
    }
}

extension EventLoopFuture where Value: Sendable {
    /// Waits for it; not on an event loop.
    func outcome() throws(LoadFailure) -> Value {
        do {
            return try wait()
        } catch let failure as LoadFailure {
            throw failure
        } catch {
            throw .failedCalls("\(error)")
        }
    }
}
