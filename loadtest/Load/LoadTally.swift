internal import AgentBackend

/// What the answers came to since the last ``reset()``. Errors are kept from the beginning.
struct LoadTally {
    private(set) var latencies = Latencies()
    /// Answers that were errors, by code.
    private(set) var errors: [UInt32: Int] = [:]
    private(set) var firstError: ServerError?

    /// Calls that were answered as they should.
    var answered: Int { latencies.count }

    mutating func recordAnswer(latency: UInt64) {
        latencies.record(nanoseconds: latency)
    }

    mutating func recordError(_ error: ServerError) {
        errors[error.code, default: 0] += 1
        if firstError == nil { firstError = error }
    }

    /// Forgets what the warm-up brought.
    mutating func reset() {
        latencies.removeAll()
    }
}

extension ServerError: CustomStringConvertible {
    var description: String {
        code == 0 ? "planned shutdown" : "\(BackendError.Code(rawValue: code)): \(message)"
    }
}
