internal import AgentBackend
internal import BackendPool

/// Whether an acquire may make what it asks for.
extension Session {
    /// A read-only token gets what is there: a workspace that has files, or memory that an entry holds. Throws
    /// `NOT_FOUND` where it would be made. What is removed at the very same time may be made again, empty.
    func checkMayAcquire(_ key: PoolKey, of broker: BrokerCore) async throws(BackendError) {
        guard principal.isReadOnly else { return }
        guard let name = key.name else {
            throw Self.makesNone("there is no workspace without a key before it is made")
        }
        guard broker.pool.peek(key) == nil else { return }
        switch key.type {
        case .localFilesystem:
            if try await broker.workspaces.exists(name, of: principal.org) { return }
            throw Self.makesNone("key \"\(name)\" has no workspace")
        case .memory, .remoteFilesystem:
            throw Self.makesNone("key \"\(name)\" has nothing in memory")
        }
    }

    private static func makesNone(_ what: String) -> BackendError {
        BackendError(
            .notFound,
            reason: .notFound,
            message: "\(what), and a read-only token makes none: write to it first, with a token that may"
        )
    }
}
