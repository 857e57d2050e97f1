internal import AgentBackend
internal import NIOCore

/// What the connection counts for its org: calls by how they ended, how long they took, and bytes.
extension ConnectionHandler {
    /// It is known whose it is.
    func begin(counting counters: OrgCounters) {
        self.counters = counters
        let calls = counters.calls(on: eventLoop)
        calls.received(bytes: Int(bytesIn))
        calls.sent(bytes: Int(bytesOut))
        callCounters = calls
    }

    /// What arrives from here on arrives now.
    func beginBatch() {
        if !isReadingBatch { batchStart = .now() }
        isReadingBatch = true
    }

    /// A call was answered, or will never be. `code`: of its error. `since`: when it was read; nil: in the present batch.
    @inline(__always)
    func count(_ operation: CountedOperation, _ code: BackendError.Code?, since arrival: NIODeadline? = nil) {
        guard let callCounters else { return }
        if let code {
            callCounters.callFailed(operation, code)
        } else {
            callCounters.callAnswered(operation)
        }
        if let arrival {
            callCounters.took(Self.nanoseconds(since: arrival), operation.operationClass)
        } else {
            batched.append(operation.operationClass)
        }
    }

    /// What was answered on the spot is about to be written.
    func countBatch() {
        guard !batched.isEmpty, let callCounters else { return }
        batched.drain(into: callCounters, nanoseconds: Self.nanoseconds(since: batchStart))
    }

    private static func nanoseconds(since time: NIODeadline) -> UInt64 {
        UInt64(max(0, (NIODeadline.now() - time).nanoseconds))
    }
}
