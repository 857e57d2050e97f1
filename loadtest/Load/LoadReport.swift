internal import AgentBackend
internal import FoundationEssentials

/// What one run found. Encoded as it is by `--json`.
struct LoadReport: Codable, Equatable {
    var operation: LoadOperation
    var connections: Int
    var depth: Int
    var payloadBytes: Int
    /// Of the longest call, with the header.
    var frameBytes: Int
    var seconds: Double
    /// Answered in the time that was measured.
    var calls: Int
    var callsPerSecond: Double
    /// Of the background, in the same time: those that were answered as they should. Absent where there is none.
    var backgroundCallsPerSecond: Double?
    var latencyMicroseconds: Latencies.Summary
    /// Absent where no server process was named.
    var serverMicrosecondsPerCall: Double?
    var clientMicrosecondsPerCall: Double
    /// Answers that were errors, from the beginning of the warm-up to the end, by code.
    var errors: [String: Int]
    var firstError: String?
    /// Calls without an answer at the end, though it was waited for.
    var unanswered: Int

    init(
        settings: LoadSettings,
        frameLength: Int,
        measured: LoadTally,
        all: LoadTally,
        background: LoadTally,
        unanswered: Int,
        from first: Sample,
        to last: Sample
    ) {
        operation = settings.operation
        connections = settings.connections
        depth = settings.depth
        payloadBytes = settings.payload
        frameBytes = frameLength
        let nanoseconds = Double(last.time - first.time)
        seconds = nanoseconds / 1e9
        calls = measured.answered
        callsPerSecond = nanoseconds > 0 ? Double(calls) / seconds : 0
        if settings.background != nil {
            backgroundCallsPerSecond = nanoseconds > 0 ? Double(background.answered) / seconds : 0
        }
        latencyMicroseconds = measured.latencies.summary
        let perCall = { [calls] (time: UInt64) in calls > 0 ? Double(time) / 1000 / Double(calls) : 0 }
        clientMicrosecondsPerCall = perCall(last.clientProcessor - first.clientProcessor)
        if let before = first.serverProcessor, let after = last.serverProcessor {
            // A thread that ended in between takes its time with it.
            serverMicrosecondsPerCall = perCall(after > before ? after - before : 0)
        }
        errors = Dictionary(
            uniqueKeysWithValues: all.errors.map { ("\(BackendError.Code(rawValue: $0.key))", $0.value) }
        )
        firstError = all.firstError?.description
        self.unanswered = unanswered
    }

    /// What went wrong, in one line; nil where every call was answered as it should, and there was one.
    var fault: String? {
        let errorCount = errors.values.reduce(0, +)
        if errorCount > 0 { return "\(errorCount) calls failed; the first: \(firstError ?? "")" }
        if unanswered > 0 { return "\(unanswered) calls were not answered within \(LoadSettings.patience)" }
        if calls == 0 { return "no call was answered in the time that was measured" }
        return nil
    }

    /// For the terminal.
    var text: String {
        let latency = latencyMicroseconds
        var lines = [
            "\(operation.rawValue)  \(connections) x \(depth), frames of \(frameBytes) bytes, \(seconds.text(2)) s",
            "calls/s        \(callsPerSecond.text(0))   (\(calls) calls)",
            "latency, us    p50 \(latency.p50.text(1))   p99 \(latency.p99.text(1))   "
                + "p99.9 \(latency.p999.text(1))   max \(latency.max.text(1))",
            "client us/call \(clientMicrosecondsPerCall.text(3))",
        ]
        if let server = serverMicrosecondsPerCall { lines.append("server us/call \(server.text(3))") }
        let list = errors.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        lines.append("errors         \(list.isEmpty ? "none" : list.joined(separator: ", "))")
        return lines.joined(separator: "\n")
    }
}
