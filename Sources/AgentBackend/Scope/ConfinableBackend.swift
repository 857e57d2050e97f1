/// A backend as its scopes know it: it shows the part of its files beneath a directory, and they share its life.
package protocol ConfinableBackend: Backend {
    var lifecycle: BackendLifecycle { get }

    /// The same files, and commands, confined to the directory at `path`, which is made on first use. Ends with this
    /// one, or before it by a `destroy()` of its own.
    func confined(to path: WorkspacePath) -> any ConfinableBackend
}

extension ConfinableBackend {
    package func makeScope(
        _ path: WorkspacePath,
        _ configuration: ScopeConfiguration
    ) throws(BackendError) -> any Backend {
        guard lifecycle.status != .destroyed else { throw .destroyedBackend }
        return ScopedBackend(of: self, at: path, configuration)
    }
}

extension BackendError {
    package static let destroyedBackend = BackendError(
        .backendDestroyed,
        message: "the backend was destroyed: acquire or make it again"
    )
}
