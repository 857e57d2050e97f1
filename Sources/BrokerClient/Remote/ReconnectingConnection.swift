internal import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// A connection to a broker that is made when a call needs it, and again when it was lost. Calls that no connection
/// has wait here.
///
/// All of it happens on one event loop, whose time is its time; it needs no task. `@unchecked Sendable`: what changes
/// is touched on that event loop alone. It is closed when it is let go.
final class ReconnectingConnection: CallOrigin, @unchecked Sendable {
    /// A connection that was made.
    struct Link {
        let handler: ClientConnectionHandler
        let channel: any Channel
        /// Of the entry with the backend's configuration. Nil: there is no need of one.
        let lease: UInt64?
    }

    typealias Waiter = CheckedContinuation<Result<Void, BackendError>, Never>

    let eventLoop: any EventLoop
    let configuration: RemoteFilesystemBackend.Configuration
    let lifecycle: BackendLifecycle
    let connector: any Connector

    var machine: ReconnectStateMachine
    var waiting: WaitingCalls
    /// Takes calls.
    var link: Link?
    /// Take no more calls, and have some under way.
    var draining: [Link] = []
    /// The one that is under way.
    var attempt: (any ConnectionMaking)?
    var delay: Scheduled<Void>?
    /// Those that wait for a connection without a call.
    private(set) var waiters: [UInt64: Waiter] = [:]
    private let lastWaiter = Atomic<UInt64>(0)

    init(
        _ configuration: RemoteFilesystemBackend.Configuration,
        lifecycle: BackendLifecycle,
        connector: any Connector,
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        self.lifecycle = lifecycle
        self.connector = connector
        eventLoop = connector.eventLoop
        machine = ReconnectStateMachine(configuration.reconnection, generator: generator)
        waiting = WaitingCalls(maximum: configuration.maximumWaitingCalls)
    }

    deinit {
        delay?.cancel()
        attempt?.callOff()
        let handlers = (draining + [link].compactMap { $0 }).map(\.handler)
        eventLoop.execute { for handler in handlers { handler.end(.closedByOwner) } }
    }

    // MARK: Calls

    func begin(_ inbox: CallInbox, _ request: CallRequest) {
        var request = request
        if configuration.resend == .all { request.addIdempotencyKey() }
        accept(UnsentCall(inbox, request, at: eventLoop.now))
    }

    /// A call that waits here has not been begun.
    func begin(_ inbox: CallInbox, about other: CallInbox, _ request: (_ call: UInt64) -> CallRequest) {
        inbox.fail(.nothingIsBegun)
    }

    func accept(_ call: UnsentCall) {
        guard let link else { return keep(call) }
        send(call, over: link)
    }

    func send(_ call: UnsentCall, over link: Link) {
        var call = call
        call.request.target?.lease = link.lease ?? 0
        link.handler.accept(call)
    }

    func keep(_ call: UnsentCall) {
        let inbox = call.inbox
        inbox.holder = self
        let isKept = waiting.append(call) { deadline in
            eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
                guard let call = self?.waiting.remove(inbox) else { return }
                call.fail(call.request.deadlineExceeded(maybeExecuted: false))
            }
        }
        if isKept { perform(machine.callWaits()) }
    }

    // MARK: Life

    /// Waits for a connection; makes one where there is none, without waiting for the policy's delay.
    func connect() async throws(BackendError) {
        let id = lastWaiter.add(1, ordering: .relaxed).newValue
        let cancel: @Sendable () -> Void = { [self] in
            eventLoop.execute { self.waiters.removeValue(forKey: id)?.resume(returning: .failure(.connectCancelled)) }
        }
        let result: Result<Void, BackendError> = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                eventLoop.execute {
                    self.waiters[id] = waiter
                    self.perform(self.machine.connectionWanted())
                }
                // What was cancelled before it was there is cancelled now.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
        try result.get()
    }

    func endWaits(_ result: Result<Void, BackendError>) {
        let ended = waiters
        waiters = [:]
        for waiter in ended.values { waiter.resume(returning: result) }
    }

    /// Refuses every call from now on and ends those under way. Returns when the connections are closed.
    func destroy() async {
        let channels: [any Channel] = await withCheckedContinuation { continuation in
            eventLoop.execute {
                let links = self.draining + [self.link].compactMap { $0 }
                self.draining = []
                self.link = nil
                for link in links { link.handler.shutDown(unsent: .destroyedBackend, sent: .destroyedMeanwhile) }
                self.perform(self.machine.destroyed())
                continuation.resume(returning: links.map(\.channel))
            }
        }
        // It never fails.
        for channel in channels { try? await channel.closeFuture.get() }
    }
}

extension BackendError {
    fileprivate static let connectCancelled = BackendError(
        .cancelled,
        message: "the wait for a connection was cancelled",
        operation: "connect"
    )

    fileprivate static let destroyedMeanwhile = BackendError(
        .backendDestroyed,
        message: "the backend was destroyed before the call was answered: it may have had its effect",
        maybeExecuted: true
    )
}
