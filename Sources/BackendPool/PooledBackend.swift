public import AgentBackend

/// Any backend as an entry of a pool.
///
/// Of its configuration the pool sees to the idle timeout and the number of leases; all else was applied by who made
/// the backend. Memory lives until its pool ends or someone evicts it, unless it has an idle timeout of its own.
public final class PooledBackend: PooledEntry {
    public let backend: any Backend
    public let configuration: EntryConfiguration
    private let removesFiles: Bool

    /// `removesFiles`: what is in the backend is removed before it is destroyed, as fits one without a key.
    public init(
        _ backend: any Backend,
        configuration: EntryConfiguration = EntryConfiguration(),
        removesFiles: Bool = false
    ) {
        self.backend = backend
        self.configuration = configuration
        self.removesFiles = removesFiles
    }

    public var isUsable: Bool { backend.status == .connected }

    public var idleTimeout: IdleTimeout { configuration.idleTimeout(of: backend.type) }

    public var isEvictable: Bool { configuration.isEvictable(backend.type) }

    public var maxLeases: Int? { configuration.limits.maximumLeases }

    public func destroy() async {
        if removesFiles { await backend.removeEverything() }
        await backend.destroy()
    }
}

extension EntryConfiguration {
    /// How long an entry with this configuration may be idle.
    package func idleTimeout(of type: BackendType) -> IdleTimeout {
        idleTimeout.map { .after($0) } ?? (type == .memory ? .never : .pool)
    }

    /// Whether an entry with this configuration may be destroyed before its time: memory is not, because it cannot be
    /// made again.
    package func isEvictable(_ type: BackendType) -> Bool { type != .memory }
}

extension Backend {
    /// What cannot be removed stays: nobody is left to be told.
    fileprivate func removeEverything() async {
        do throws(BackendError) {
            var options = ReaddirOptions()
            var page: DirectoryPage
            repeat {
                page = try await readdir(.root, options: options)
                for entry in page.entries {
                    try? await rm(
                        WorkspacePath(joining: [entry.name]),
                        options: RemoveOptions(recursive: true, force: true)
                    )
                }
                options.after = page.entries.last?.name ?? []
            } while page.isTruncated && !page.entries.isEmpty
        } catch {
            return
        }
    }
}
