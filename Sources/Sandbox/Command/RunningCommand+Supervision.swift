internal import AgentBackend
internal import Glibc

extension RunningCommand {
    /// Sees the command to its end. Called once, by the runner. Cancelling the calling task ends the command.
    func supervise() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.leaveGate() }
                group.addTask { await self.enforceDeadline() }
                if let time = self.prepared.limits.cpuTime, self.control.countsProcessorTime {
                    // It reads files of the kernel: not on the thread that all others wait for.
                    group.addTask(executorPreference: globalConcurrentExecutor) {
                        await self.enforceProcessorTime(time)
                    }
                }
                await attention.waitToTheEnd()
                if !hasEnded {
                    // Before whatever the cancellation of the task brings about.
                    send(SIGTERM)
                    if prepared.terminal != nil { hangUp() }
                    group.addTask { await self.endGrace() }
                }
                _ = await waitForEnd()
                group.cancelAll()
            }
        } onCancel: {
            terminate(.shuttingDown)
        }
    }

    /// By then its program runs, and waits for other things than processors.
    private func leaveGate() async {
        guard (try? await clock.sleep(for: CommandRunner.longestStart)) != nil else { return }
        letNextStart()
    }

    private func enforceDeadline() async {
        guard (try? await clock.sleep(for: deadline)) != nil else { return }
        terminate(.deadline(deadline))
    }

    /// Looks when it could have used up what it has at the earliest: by all processors at once.
    private func enforceProcessorTime(_ allowed: Duration) async {
        while let used = control.processorTime {
            guard used < allowed else { return terminate(.processorTime(allowed)) }
            let rest = max((allowed - used) / CommandControl.processors, CommandControl.shortestLook)
            guard (try? await clock.sleep(for: rest)) != nil else { return }
        }
    }

    /// Shells at a terminal heed nothing less; and one that just begins to wait for a key notices the signal with that.
    private func hangUp() {
        send(SIGHUP)
        closeInput()
    }

    private func endGrace() async {
        try? await clock.sleep(for: prepared.grace)
        if !hasEnded { send(SIGKILL) }
    }
}
