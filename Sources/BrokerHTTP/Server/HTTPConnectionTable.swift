internal import AgentBackend
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// The connections that there are. Safe to use from any thread.
final class HTTPConnectionTable: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
        var refusals: UInt64 = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let maximum: @Sendable () -> Int
    private let state = Mutex(State())

    /// `maximum`: asked for each connection.
    init(maximum: @escaping @Sendable () -> Int) {
        self.maximum = maximum
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// How many were not taken because there were too many.
    var refusals: UInt64 { state.withLock { $0.refusals } }

    /// Until it closes. Throws `RESOURCE_EXHAUSTED` where there are too many, `SHUTTING_DOWN`.
    func add(_ channel: any Channel) throws(BackendError) {
        let maximum = maximum()
        let refusal = state.withLock { state -> BackendError? in
            guard !state.isQuiescing else { return .draining }
            guard state.channels.count < maximum else {
                state.refusals += 1
                return .tooManyConnections(allowed: maximum)
            }
            state.channels[ObjectIdentifier(channel)] = channel
            return nil
        }
        if let refusal { throw refusal }
        channel.closeFuture.whenComplete { [weak self] _ in self?.remove(ObjectIdentifier(channel)) }
    }

    private func remove(_ id: ObjectIdentifier) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.channels[id] = nil
            guard state.channels.isEmpty else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Takes no more; each that there is closes when the request that it answers is answered.
    func quiesce() {
        let channels = state.withLock { state in
            state.isQuiescing = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    /// Closes all and waits until they are.
    func closeAll() async {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
        await waitUntilEmpty(atMost: .seconds(1))
    }

    /// One caller at a time.
    func waitUntilEmpty(atMost time: Duration) async {
        await withTaskGroup { group in
            group.addTask { await self.waitUntilEmpty() }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitUntilEmpty() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.channels.isEmpty || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}

extension BackendError {
    fileprivate static let draining = BackendError(
        .shuttingDown,
        message: "the broker ends, and takes no more connections: connect to another one",
        isRetryable: true
    )

    fileprivate static func tooManyConnections(allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message:
                "\(allowed) connections of HTTP are open, and no more may be: close some, or raise http.max_connections",
            isRetryable: true,
            limit: LimitDetails(name: "http_connections", used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }
}
