internal import AgentBackend
internal import NIOCore

/// What the connection counts for its org: calls by how they ended, how long they took, and bytes.
extension ConnectionHandler {
    /// It is known whose it is.
    func begin(counting counters: OrgCounters) {
        self.counters = counters
        meter.begin(counters.calls(on: eventLoop))
        meter.received(bytes: Int(bytesIn))
        meter.sent(bytes: Int(bytesOut))
    }

    /// What arrives from here on arrives now.
    func beginBatch() {
        guard !isReadingBatch else { return }
        meter.beginBatch()
        poller.heard(from: entry.number, limit: settings.busyPoll)
        isReadingBatch = true
    }

    /// A call was answered, or will never be. `code`: of its error. `since`: when it was read; nil: in the present batch.
    @inline(__always)
    func count(_ operation: CountedOperation, _ code: BackendError.Code?, since arrival: NIODeadline? = nil) {
        if let code {
            meter.callFailed(operation, code, since: arrival)
        } else {
            meter.callAnswered(operation, since: arrival)
        }
    }
}
