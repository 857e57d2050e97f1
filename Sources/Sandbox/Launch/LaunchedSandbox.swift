internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// A sandbox that was started: the agent that runs commands in it, and its keeper around that. Safe to use from any
/// thread.
final class LaunchedSandbox: Sendable {
    let connection: AgentConnection
    /// The keeper's pidfd: it is the first process of namespaces around the sandbox, dies last, and takes all along.
    private let process: MonitoredDescriptor
    private let group: ControlGroup?
    /// What bubblewrap says before the agent runs.
    private let diagnosis: Mutex<OwnedDescriptor?>
    /// The kernel takes all of it along with its process. Where it does not, its agent ends what runs in it.
    private let diesWhole: Bool
    private let unwanted = Completion<Void>()
    private let dead = Completion<Void>()

    init(
        _ connection: AgentConnection,
        process: MonitoredDescriptor,
        group: ControlGroup?,
        diagnosis: consuming OwnedDescriptor,
        diesWhole: Bool
    ) {
        self.connection = connection
        self.process = process
        self.group = group
        self.diagnosis = Mutex(diagnosis)
        self.diesWhole = diesWhole
    }

    /// False: it ends, or has ended.
    var isUsable: Bool { dead.value == nil && unwanted.value == nil }

    /// Kills everything in it. Returns at once. Idempotent.
    func end() {
        unwanted.fulfil(())
        if diesWhole { send(SIGKILL) } else { askAgentToEnd() }
    }

    /// Ends it unless commands run in it; whoever is about to start one finds that out, and makes another.
    func endIfUnused() {
        if connection.retire() { end() }
    }

    /// Waits until nothing of it is left, also through a cancellation of the calling task.
    func waitForEnd() async {
        await dead.waitToTheEnd()
    }

    /// Sees it to its end. Called once, by the runner.
    func supervise(setupLimit: Duration, clock: any Clock<Duration>) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                guard (try? await clock.sleep(for: setupLimit)) != nil else { return }
                if self.connection.ready.fulfil(.failure(.setupTookTooLong(setupLimit))) { self.end() }
            }
            group.addTask {
                guard !self.diesWhole, await self.unwanted.wait() != nil,
                    (try? await clock.sleep(for: setupLimit)) != nil
                else { return }
                // It does not, or cannot any more.
                self.send(SIGKILL)
            }
            while process.withDescriptor({ linux_has_ended($0) }) == 0 {
                _ = await process.waitToTheEnd(until: .readable)
            }
            group.cancelAll()
        }
        finish()
    }

    private func finish() {
        var signal: Int32 = 0
        _ = process.withDescriptor { linux_reap($0, &signal) }
        process.close()
        group?.remove()
        dead.fulfil(())
        connection.ready.fulfil(.failure(.setupFailed(takeDiagnosis())))
        if unwanted.value != nil {
            connection.closed(.terminated(.backendDestroyed))
        } else if diesWhole, signal == SIGKILL {
            // Nobody but the host's kernel kills it otherwise.
            connection.closed(.outOfMemory)
        } else {
            let failure = SpawnFailure(kind: .sandbox, systemErrno: 0, stage: .sandbox)
            connection.closed(.failed(failure, .sandboxBroke(signal: signal)))
        }
    }

    private func send(_ signal: Int32) {
        // Nobody gets it where that has ended.
        _ = process.withDescriptor { linux_pidfd_send_signal($0, signal) }
    }

    /// It kills all that it has started, and ends, when it finds that nobody has the other end of its socket.
    private func askAgentToEnd() {
        // A command of the same user may have stopped it.
        send(SIGCONT)
        connection.close()
    }

    private func takeDiagnosis() -> String {
        diagnosis.withLock { diagnosis in
            guard let descriptor = diagnosis.take() else { return "" }
            return String(decoding: descriptor.readAll(), as: UTF8.self)
        }
    }
}

extension BackendError {
    fileprivate static func setupTookTooLong(_ limit: Duration) -> BackendError {
        BackendError(
            .execError,
            message: "the sandbox was not set up within \(limit): the host is overloaded; try again later",
            isRetryable: true
        )
    }

    /// bubblewrap's own words name paths of the host: they are for the log alone.
    fileprivate static func setupFailed(_ diagnosis: String) -> BackendError {
        BackendError(
            .execError,
            message: "the sandbox could not be set up: see the broker's log",
            cause: LauncherMessage(description: diagnosis.isEmpty ? "bwrap ended without a message" : diagnosis)
        )
    }

    fileprivate static func sandboxBroke(signal: Int32) -> BackendError {
        BackendError(
            .execError,
            message: "the sandbox ended before its command did (signal \(signal)): see the host's log",
            maybeExecuted: true
        )
    }
}

private struct LauncherMessage: Error, CustomStringConvertible {
    let description: String
}
