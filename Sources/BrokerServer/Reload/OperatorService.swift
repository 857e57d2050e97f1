internal import AgentBackend
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Does what operators ask for: one reload after the other, at SIGHUP and for calls. Ends before the connections drain,
/// with those who follow operations and those who watch files: they would never end by themselves.
struct OperatorService: Service {
    let requests: ReloadRequests
    let reloader: Reloader
    /// What the broker was started with.
    let reading: ConfigurationSource.Reading?
    /// SIGHUP alone. Nil: signals are somebody else's.
    let hangups: UnixSignalsSequence?
    let log: OperationsLog
    let entries: EntryFactory
    let notification: ServiceNotification?

    func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                group.addTask { await serve() }
                if let hangups {
                    group.addTask { for await _ in hangups { requests.signal() } }
                }
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            end()
        }
        end()
    }

    private func end() {
        requests.close()
        log.endFollowing()
        entries.endWatches()
    }

    private func serve() async {
        var reading = reading
        for await _ in requests.arrivals {
            let waiters = requests.take()
            notification?.send(.reloading)
            let outcome: ReloadRequests.Outcome
            do throws(BackendError) {
                outcome = .success(try await reloader.reload(&reading))
            } catch {
                reloader.logger.error("the configuration stays as it is", metadata: ["error": "\(error)"])
                outcome = .failure(error)
            }
            notification?.send(.ready)
            for waiter in waiters { waiter.resume(returning: outcome) }
        }
    }
}
