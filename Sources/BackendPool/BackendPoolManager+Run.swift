internal import AgentBackend
internal import Synchronization

extension BackendPoolManager {
    /// Does the pool's work: makes entries, destroys them, and looks at the clock. Call it once.
    ///
    /// Returns when a graceful shutdown is over and every entry has been destroyed. Cancelling its task is a
    /// shutdown whose deadline has passed; creations and destructions are cancelled then, and still awaited.
    ///
    /// As a service of swift-service-lifecycle: call it from that service's `run()`, and
    /// ``triggerGracefulShutdown(deadline:)`` from its graceful shutdown handler.
    @discardableResult
    public func run() async -> DrainReport {
        precondition(!hasRun, "a pool runs once")
        hasRun = true
        tick()
        return await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                // Creations are in a group of their own, because a drain's deadline cancels them alone.
                await withDiscardingTaskGroup { creations in
                    while let batch = await jobs.next() {
                        for job in batch {
                            switch job {
                            case .create(let creation): creations.addTask { await self.create(creation) }
                            case .destroy(let destruction): group.addTask { await self.destroy(destruction) }
                            case .wakeUp(let time): group.addTask { await self.sleep(until: time) }
                            case .cancelCreations: creations.cancelAll()
                            }
                        }
                    }
                }
                // Only sleepers are left.
                group.cancelAll()
            }
            return machine.withLock { $0.report ?? DrainReport() }
        } onCancel: {
            triggerGracefulShutdown(deadline: .zero)
        }
    }

    /// Does what the machine decided. The lock must not be held.
    nonisolated func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .resume(let waiter, let result): waiter.resume(returning: result)
            case .create(let creation): jobs.send(.create(creation))
            case .destroy(let destruction): jobs.send(.destroy(destruction))
            case .wakeUp(let time): jobs.send(.wakeUp(at: time))
            case .cancelCreations: jobs.send(.cancelCreations)
            case .finish: jobs.finish()
            }
        }
    }

    private nonisolated func create(_ creation: Machine.Creation) async {
        let start = now
        do throws(BackendError) {
            let entry = try await makeEntry(creation.key, creation.configuration)
            let end = now
            observer?.poolCreatedEntry(creation.key, after: end - start)
            perform(machine.withLock { $0.created(creation, entry: entry, at: end) })
        } catch {
            let end = now
            observer?.poolFailedToCreateEntry(creation.key, error, after: end - start)
            perform(machine.withLock { $0.creationFailed(creation, error, at: end) })
        }
    }

    private nonisolated func destroy(_ destruction: Machine.Destruction) async {
        let start = now
        let (key, reason) = (destruction.key, destruction.reason)
        observer?.poolWillDestroyEntry(key, reason, revokedLeases: destruction.revokedLeases)
        await destruction.entry.destroy()
        let end = now
        observer?.poolDestroyedEntry(key, reason, after: end - start)
        perform(machine.withLock { $0.destroyed(destruction, at: end) })
    }

    private nonisolated func sleep(until time: Duration) async {
        do {
            try await clock.sleep(until: origin.advanced(by: time), tolerance: nil)
        } catch {
            // Cancelled: the drain is over, or its deadline has passed. Neither needs the time.
            return
        }
        tick()
    }

    private nonisolated func tick() {
        let now = now
        perform(machine.withLock { $0.tick(at: now) })
    }
}
