internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// The connections that there are. Safe to use from any thread.
final class HTTPConnectionTable: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let maximum: @Sendable () -> Int
    private let state = Mutex(State())

    /// `maximum`: asked for each connection.
    init(maximum: @escaping @Sendable () -> Int) {
        self.maximum = maximum
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// Until it closes. False: there are too many.
    func add(_ channel: any Channel) -> Bool {
        let maximum = maximum()
        let isTaken = state.withLock { state in
            guard state.channels.count < maximum, !state.isQuiescing else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        if isTaken { channel.closeFuture.whenComplete { [weak self] _ in self?.remove(ObjectIdentifier(channel)) } }
        return isTaken
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
