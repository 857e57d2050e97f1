public import AgentBackend

/// A pool of backends of any type.
public typealias AnyBackendPool = BackendPoolManager<PooledBackend, EntryConfiguration, MonotonicClock>

extension BackendPoolManager
where Entry == PooledBackend, Configuration == EntryConfiguration, C == MonotonicClock {
    /// A pool of what `makeBackend` makes.
    ///
    /// - Parameters:
    ///   - defaults: What entries are made with that are acquired without a configuration, and what that of the
    ///     others is merged over.
    ///   - makeBackend: Makes a backend that nobody else uses, with the environment, log mode and limits that the
    ///     configuration tells. `PoolKey.name` nil: one with files of its own, which are removed with it. Must end in
    ///     bounded time and soon after its task was cancelled. What it throws is what those who wait for the backend
    ///     get, as the cause of a `BackendError` where it is none.
    /// - Throws: `INVALID_CONFIGURATION`.
    public init(
        configuration: PoolConfiguration = PoolConfiguration(),
        defaults: EntryConfiguration = EntryConfiguration(),
        observer: (any PoolObserver)? = nil,
        makeBackend: @escaping @Sendable (PoolKey, EntryConfiguration) async throws -> any Backend
    ) throws(BackendError) {
        try self.init(
            configuration: configuration,
            defaultConfiguration: defaults,
            clock: MonotonicClock(),
            observer: observer
        ) { key, configuration throws(BackendError) in
            let backend = try await BackendError.ofCreation { try await makeBackend(key, configuration) }
            return PooledBackend(backend, configuration: configuration, removesFiles: key.name == nil)
        }
    }
}

extension BackendError {
    /// Whatever `body` throws, as a ``BackendError``.
    fileprivate static func ofCreation<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(BackendError) -> Value {
        do {
            return try await body()
        } catch let error as BackendError {
            throw error
        } catch is CancellationError {
            throw BackendError(.cancelled, message: "the making of the entry was cancelled: acquire it again")
        } catch {
            throw BackendError(
                .internal,
                message: "the entry could not be made: see the cause, and acquire it again",
                cause: error
            )
        }
    }
}
