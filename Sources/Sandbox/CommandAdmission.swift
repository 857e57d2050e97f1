internal import AgentBackend

/// How many commands run or are being started, and whether more may. No lock.
struct CommandAdmission {
    /// One more is refused.
    var maximumRunning: Int
    private var running = 0
    private var isShuttingDown = false

    init(maximumRunning: Int) {
        self.maximumRunning = maximumRunning
    }

    /// Counts one more. Throws `SHUTTING_DOWN` and `RESOURCE_EXHAUSTED`.
    mutating func admit() throws(BackendError) {
        guard !isShuttingDown else { throw .shuttingDown }
        guard running < maximumRunning else { throw .tooMany("running_commands", allowed: maximumRunning) }
        running += 1
    }

    /// One that was admitted is gone. Returns whether nothing runs and nothing will.
    mutating func release() -> Bool {
        running -= 1
        return isShuttingDown && running == 0
    }

    /// Admits no more. Returns whether nothing runs and nothing will.
    mutating func beginShutdown() -> Bool {
        isShuttingDown = true
        return running == 0
    }
}
