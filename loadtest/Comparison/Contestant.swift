/// One of those that are compared: what is measured, and how.
protocol Contestant {
    var name: String { get }

    /// Runs once and throws for any call that is not answered as it should be. Ends in bounded time.
    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures
}

/// How long a run takes.
struct RunTime {
    var warmup: Duration
    /// What is measured.
    var duration: Duration
}

/// What one run found. Encoded as it is by `--json`; the drivers of the peers print the same.
struct RunFigures: Codable, Equatable {
    /// In the time that was measured.
    var calls: Int
    var seconds: Double
    var callsPerSecond: Double
    /// Of other calls meanwhile. Absent where there were none.
    var backgroundCallsPerSecond: Double?
    /// Absent where it was not measured.
    var latencyMicroseconds: Latencies.Summary?
    var serverMicrosecondsPerCall: Double?
    var clientMicrosecondsPerCall: Double?
    /// Memory of the server for each of what it was made to hold: its own, and the kernel's.
    var residentBytesEach: Double?
    var kernelBytesEach: Double?
}

extension RunFigures {
    init(_ report: LoadReport) {
        calls = report.calls
        seconds = report.seconds
        callsPerSecond = report.callsPerSecond
        backgroundCallsPerSecond = report.backgroundCallsPerSecond
        latencyMicroseconds = report.latencyMicroseconds
        serverMicrosecondsPerCall = report.serverMicrosecondsPerCall
        clientMicrosecondsPerCall = report.clientMicrosecondsPerCall
    }
}

/// One number of ``RunFigures`` that is compared.
enum Measure: String, Codable {
    case callsPerSecond
    case backgroundCallsPerSecond
    case serverMicroseconds
    case p50Microseconds
    case p99Microseconds
    case p50Milliseconds
    case p99Milliseconds
    /// How many times as long as most the slowest take.
    case p99ByP50
    case nanosecondsPerCall
    /// The kernel's not included.
    case residentBytes
    /// The kernel's included.
    case bytes

    /// 0 where it was not measured.
    func value(_ figures: RunFigures) -> Double {
        switch self {
        case .callsPerSecond: figures.callsPerSecond
        case .backgroundCallsPerSecond: figures.backgroundCallsPerSecond ?? 0
        case .serverMicroseconds: figures.serverMicrosecondsPerCall ?? 0
        case .p50Microseconds: figures.latencyMicroseconds?.p50 ?? 0
        case .p99Microseconds: figures.latencyMicroseconds?.p99 ?? 0
        case .p50Milliseconds: Measure.p50Microseconds.value(figures) / 1000
        case .p99Milliseconds: Measure.p99Microseconds.value(figures) / 1000
        case .p99ByP50:
            figures.latencyMicroseconds.map { $0.p50 > 0 ? $0.p99 / $0.p50 : 0 } ?? 0
        case .residentBytes: figures.residentBytesEach ?? 0
        case .bytes: (figures.residentBytesEach ?? 0) + (figures.kernelBytesEach ?? 0)
        case .nanosecondsPerCall: figures.callsPerSecond > 0 ? 1e9 / figures.callsPerSecond : 0
        }
    }
}
