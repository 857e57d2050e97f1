internal import AgentBackend
internal import CLinux
internal import Glibc

extension RunningCommand {
    /// Sees the command to its end. Called once, by the runner, which then tells of it by ``tell(_:)``. Cancelling
    /// the calling task ends the command.
    func supervise() async -> CommandEnd {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.awaitSetup() }
                group.addTask { await self.limitSetup() }
                group.addTask { await self.enforceDeadline() }
                group.addTask { await self.carryOutTermination() }
                await self.awaitDeath()
                group.cancelAll()
            }
        } onCancel: {
            terminate(.shuttingDown)
        }
        return finish()
    }

    /// Lets go who waits for the end, or for the end of what was written.
    func tell(_ end: CommandEnd) {
        if case .failed(let error) = end.outcome {
            standardOutput.treeFailed(error)
            standardError.treeFailed(error)
        } else {
            standardOutput.treeEnded()
            standardError.treeEnded()
        }
        self.end.fulfil(end)
    }

    private func awaitSetup() async {
        // bubblewrap's end is closed when it has read the filter, or died.
        while case .tryAgain = await sandbox.filter.wait(until: .hungUp) {
            guard let filterWasRead else { continue }
            setUp.fulfil(filterWasRead)
            return
        }
    }

    private func limitSetup() async {
        guard (try? await clock.sleep(for: setupLimit)) != nil, setUp.value == nil else { return }
        termination.fulfil(.setupTookTooLong)
    }

    private func enforceDeadline() async {
        guard (try? await clock.sleep(for: deadline)) != nil else { return }
        terminate(.deadline(deadline))
    }

    private func carryOutTermination() async {
        // Nil when the command has ended, or the runner was cancelled.
        if await termination.wait() != nil, ProcessTree(launcher: sandbox.processID).send(SIGTERM) {
            try? await clock.sleep(for: command.grace)
        }
        // The kernel ends the whole tree with it. Nobody gets it where that has ended.
        _ = sandbox.process.withDescriptor { linux_pidfd_send_signal($0, SIGKILL) }
    }

    private func awaitDeath() async {
        while sandbox.process.withDescriptor({ linux_has_ended($0) }) == 0 {
            _ = await sandbox.process.waitToTheEnd(until: .readable)
        }
    }

    /// Reaps only here: until then the process id was bubblewrap's, also for ``ProcessTree``.
    private func finish() -> CommandEnd {
        var signal: Int32 = 0
        _ = sandbox.process.withDescriptor { linux_reap($0, &signal) }
        sandbox.process.close()
        let wall = launched.duration(to: .now)
        let exitCode = StatusDocument.exitCode(in: sandbox.takeStatus())

        if setUp.value == nil { setUp.fulfil(exitCode != nil || filterWasRead == true) }
        sandbox.filter.close()
        input?.close()
        return CommandEnd(
            outcome: outcome(exitCode: exitCode, launcherSignal: signal),
            usage: ExecEnd.Usage(
                wall: wall,
                standardOutputBytes: standardOutput.writtenCount(),
                standardErrorBytes: standardError.writtenCount()
            )
        )
    }

    private func outcome(exitCode: UInt8?, launcherSignal: Int32) -> CommandEnd.Outcome {
        switch (termination.value, exitCode) {
        case (.wanted(let cause), _):
            return .terminated(cause)
        case (.setupTookTooLong, _):
            return .failed(.setupTookTooLong(setupLimit))
        case (nil, let exitCode?):
            return .exited(code: exitCode)
        case (nil, nil):
            if launcherSignal != 0 { return .failed(.sandboxKilled(signal: launcherSignal)) }
            let diagnosis = standardError.takeDiagnosis()
            return .failed(diagnosis.error(running: programName, in: command.workingDirectory))
        }
    }

    /// Whether bubblewrap took the filter before it closed its end, which it does just before it runs the command:
    /// a socket whose other end went with bytes unread reports a reset, once. Nil: it is open yet.
    private var filterWasRead: Bool? {
        sandbox.filter.withDescriptor { descriptor -> Bool? in
            var byte: UInt8 = 0
            let received = recv(descriptor, &byte, 1, 0)
            return received < 0 && errno == EAGAIN ? nil : received == 0
        } ?? false
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

    fileprivate static func sandboxKilled(signal: Int32) -> BackendError {
        BackendError(
            .execError,
            message: "the host ended the sandbox with signal \(signal), perhaps for lack of memory",
            maybeExecuted: true
        )
    }
}
