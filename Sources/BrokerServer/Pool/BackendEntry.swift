internal import AgentBackend
package import BackendPool
internal import BrokerWire
internal import LocalBackend
internal import Synchronization

/// The two kinds of backend that a broker pools.
enum EntryBackend: Sendable {
    case local(LocalFilesystemBackend)
    case memory(MemoryBackend)

    var backend: any Backend {
        switch self {
        case .local(let backend): backend
        case .memory(let backend): backend
        }
    }
}

/// What the pool keeps for a key: a backend with its own environment and operations logger, and the views of it that
/// are confined to a scope. Safe to use from any thread.
package final class BackendEntry: PooledEntry {
    private let kind: EntryKind
    let log: EntryLog
    private let backend: EntryBackend
    private let scopes = Mutex<[[UInt8]: EntryBackend]>([:])
    private let isDestroyed = Atomic<Bool>(false)
    private let calls = EntryCalls()
    private let cleanUp: @Sendable (BackendEntry) async -> Void
    /// Of its commands, in the foreground and the background.
    let commandsRunning = Atomic<Int>(0)

    /// Views that are kept at the most; more are made each time.
    private static let maximumScopes = 64

    /// - Parameters:
    ///   - key: Nil: keyless.
    ///   - cleanUp: What is to be done at the end of the entry, after that of its calls.
    init(
        _ kind: EntryKind,
        key: String?,
        backend: EntryBackend,
        cleanUp: @escaping @Sendable (BackendEntry) async -> Void
    ) {
        self.kind = kind
        log = EntryLog(kind.log, key: key ?? "")
        self.backend = backend
        self.cleanUp = cleanUp
    }

    var org: Org { kind.org }

    /// Empty: keyless.
    var key: String { log.key }

    var configuration: EntryConfiguration { kind.configuration }

    var backendType: BackendType { backend.backend.type }

    /// What its files take, as far as that is known without looking.
    var heldBytes: UInt64 {
        switch backend {
        case .local(let backend): backend.heldBytes
        case .memory(let backend): backend.heldBytes
        }
    }

    package var isUsable: Bool { !isDestroyed.load(ordering: .relaxed) && kind.edition?.isCurrent ?? true }

    package var idleTimeout: IdleTimeout { configuration.idleTimeout(of: backend.backend.type) }

    package var isEvictable: Bool { configuration.isEvictable(backend.backend.type) }

    package var maxLeases: Int? { configuration.limits.maximumLeases }

    package func destroy() async {
        guard !isDestroyed.exchange(true, ordering: .relaxed) else { return }
        calls.cancelAll(Self.destroyed)
        let views = scopes.withLock { scopes in
            defer { scopes.removeAll() }
            return scopes.values.map(\.backend)
        }
        for view in views { await view.destroy() }
        await backend.backend.destroy()
        await calls.waitForEnds()
        await cleanUp(self)
    }

    /// Runs a call that waits. It is cancelled when the entry is destroyed under it, and throws `BACKEND_DESTROYED`
    /// then; the entry is not gone before the call has ended.
    func run<Value>(
        _ stream: any CallStream,
        _ body: () async throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        guard let call = calls.began({ stream.cancel($0) }) else { throw Self.destroyed }
        defer { calls.ended(call) }
        return try await body()
    }

    /// A command runs in the entry beyond its call. It is ended when the entry is destroyed, which is not gone before
    /// ``backgroundEnded(_:)``. Throws `BACKEND_DESTROYED`.
    func backgroundBegan(_ command: any CommandExecution) throws(BackendError) -> EntryCalls.ID {
        guard let id = calls.began({ _ in command.terminate() }) else { throw Self.destroyed }
        return id
    }

    func backgroundEnded(_ id: EntryCalls.ID) {
        calls.ended(id)
    }

    /// Whose its commands in the background are.
    var backgroundOwner: BackgroundOwner {
        guard !key.isEmpty else { return .entry(ObjectIdentifier(self)) }
        return .key(PoolKey(org: org.id, type: backendType, name: key))
    }

    private static let destroyed = BackendError(
        .backendDestroyed,
        message: "the entry was destroyed during the call: take a new lease, or call again with the key"
    )

    /// The scopes that it has views of, sorted as bytes.
    var scopePaths: [[UInt8]] {
        scopes.withLock { Array($0.keys) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The backend confined to a scope; empty: the entry's own. Throws for what is no path.
    func view(_ scopePath: [UInt8]) throws(BackendError) -> EntryBackend {
        guard !scopePath.isEmpty else { return backend }
        if let known = scopes.withLock({ $0[scopePath] }) { return known }
        let path = try WorkspacePath(scopePath)
        guard !path.isRoot else { return backend }
        let made: EntryBackend =
            switch backend {
            case .local(let backend): .local(backend.scoped(path))
            case .memory(let backend): .memory(backend.scoped(path))
            }
        return scopes.withLock { scopes in
            if let first = scopes[scopePath] { return first }
            if scopes.count < Self.maximumScopes { scopes[scopePath] = made }
            return made
        }
    }
}
