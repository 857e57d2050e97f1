import Synchronization

/// A view of a backend that is confined to one of its directories, with an environment and an operations logger of its
/// own. Made by ``Backend/scope(_:configuration:)``; scopes nest.
///
/// Its root is `/workspace` to its callers, made on first use. It shares the status of the backend that it is a view
/// of, and hands what is to be closed to it. Safe to use from any thread.
public final class ScopedBackend: Backend {
    public var type: BackendType { view.type }

    /// Where it is in the outermost backend.
    public let path: WorkspacePath

    let view: any ConfinableBackend
    let environment: Environment
    let log: ScopeLog
    /// Nil: it is a scope of the backend itself.
    private let parent: ScopedBackend?
    /// The numbers of the scopes around it, and its own at the end.
    private let scopes: [UInt64]
    private let isDestroyed = Atomic<Bool>(false)

    init(of backend: any ConfinableBackend, at path: WorkspacePath, _ configuration: ScopeConfiguration) {
        self.path = path
        view = backend.confined(to: path)
        environment = configuration.environment
        log = ScopeLog(configuration, scope: path, around: nil)
        parent = nil
        scopes = [view.lifecycle.scopeBegan(path)]
    }

    private init(of parent: ScopedBackend, at inner: WorkspacePath, _ configuration: ScopeConfiguration) {
        path = parent.path.appending(inner)
        view = parent.view.confined(to: inner)
        environment = parent.environment.merging(configuration.environment)
        log = ScopeLog(configuration, scope: path, around: parent.log)
        self.parent = parent
        scopes = parent.scopes + [view.lifecycle.scopeBegan(path)]
    }

    deinit {
        if !isDestroyed.load(ordering: .relaxed) { view.lifecycle.scopeEnded(path) }
    }

    // MARK: Life

    public var status: BackendStatus { isEnded ? .destroyed : view.status }

    /// Those of what it is a scope of; ends with the scope, or one around it, if that ends first.
    public func statusChanges() -> AsyncStream<BackendStatusChange> {
        view.lifecycle.statusChanges(of: scopes) { isEnded }
    }

    public func trackCloseable(_ closeable: any BackendCloseable) async {
        await view.trackCloseable(closeable)
    }

    public func scope(
        _ path: WorkspacePath,
        configuration: ScopeConfiguration
    ) throws(BackendError) -> any Backend {
        guard status != .destroyed else { throw .destroyedBackend }
        return ScopedBackend(of: self, at: path, configuration)
    }

    public func listActiveScopes() -> [WorkspacePath] { view.lifecycle.activeScopes(below: path) }

    /// Ends the scope, and those within it. What it is a scope of goes on, and so do commands that it started.
    public func destroy() async {
        guard !isDestroyed.exchange(true, ordering: .relaxed) else { return }
        view.lifecycle.scopeEnded(path)
        // Of the view alone: it is nobody else's.
        await view.destroy()
        if let own = scopes.last { view.lifecycle.scopeDestroyed(own) }
    }

    private var isEnded: Bool { isDestroyed.load(ordering: .relaxed) || parent?.isEnded ?? false }
}
