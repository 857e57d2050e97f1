internal import AgentBackend

/// What one org may have going on at a time, and how much in a second.
struct CallAdmissionLimits: Sendable, Hashable {
    var connections: Int
    /// Calls that had to wait for something and are not answered, but for commands.
    var callsInFlight: Int
    /// Commands that run or are being started.
    var commandsRunning: Int
    /// Bytes that are kept of unanswered calls.
    var bytesInFlight: Int
    /// Calls that wait to be begun.
    var queuedCalls: Int
    /// Longest such wait.
    var queueTimeout: Duration
    /// At least 1, like the next.
    var callsPerSecond: Int
    var bytesPerSecond: Int
    /// Calls of the org that are begun in its turn while several wait for the broker's slots.
    var weight: Int

    /// Nothing at all.
    static let none = CallAdmissionLimits()

    private init() {
        (connections, callsInFlight, commandsRunning, bytesInFlight, queuedCalls) = (0, 0, 0, 0, 0)
        queueTimeout = .zero
        (callsPerSecond, bytesPerSecond, weight) = (1, 1, 1)
    }

    init(_ limits: Org.Limits) {
        connections = limits.maxConnections
        callsInFlight = limits.maxCallsInFlight
        commandsRunning = limits.maxRunning
        bytesInFlight = limits.maxBytesInFlight
        queuedCalls = limits.maxQueuedCalls
        queueTimeout = limits.queueTimeout
        callsPerSecond = max(1, limits.maxCallsPerSecond)
        bytesPerSecond = max(1, limits.maxBytesPerSecond)
        weight = max(1, limits.weight)
    }
}

/// What the broker has for all orgs together.
struct BrokerSlots: Sendable, Hashable {
    var calls: Int
    var commands: Int

    init(calls: Int, commands: Int) {
        self.calls = calls
        self.commands = commands
    }

    init(_ configuration: BrokerConfiguration) {
        self.init(calls: configuration.limits.maxCallsInFlight, commands: configuration.exec.maxRunning)
    }
}

/// What a call that cannot be answered on the spot needs one of.
enum CallAdmissionSlot: Int, Sendable, CaseIterable {
    case call
    case command
}

/// The limits that a call or a connection can come up against.
package enum CallAdmissionLimit: Int, Sendable, CaseIterable {
    case connections
    case callsInFlight
    case commandsRunning
    case bytesInFlight
    case queuedCalls
    case callsPerSecond
    case bytesPerSecond
    case brokerCallsInFlight
    case brokerCommandsRunning
    case bufferedBytes
    case inspections

    /// As in errors.
    package var name: String {
        switch self {
        case .connections: "org_connections"
        case .callsInFlight: "org_calls_in_flight"
        case .commandsRunning: "org_running_commands"
        case .bytesInFlight: "org_bytes_in_flight"
        case .queuedCalls: "org_queued_calls"
        case .callsPerSecond: "org_calls_per_second"
        case .bytesPerSecond: "org_bytes_per_second"
        case .brokerCallsInFlight: "calls_in_flight"
        case .brokerCommandsRunning: "running_commands"
        case .bufferedBytes: "org_buffered_bytes"
        case .inspections: "org_inspections"
        }
    }
}

/// An org's calls and connections at one moment.
package struct CallAdmissionSnapshot: Sendable {
    package var connections = 0
    /// Calls that had to wait for something and are not answered, but for commands.
    package var callsInFlight = 0
    package var commandsRunning = 0
    /// Bytes that are kept of unanswered calls.
    package var bytesInFlight = 0
    /// Calls that wait to be begun: for a slot, or for their turn by the rate.
    package var waiting = 0
    /// How long the first of those has waited.
    package var longestWait: Duration = .zero
    /// Calls and connections refused since the start, by what refused them.
    package var refusals = Refusals()

    package struct Refusals: Sendable {
        private var counts = InlineArray<11, UInt64>(repeating: 0)

        package subscript(limit: CallAdmissionLimit) -> UInt64 { counts[limit.rawValue] }

        package var total: UInt64 { CallAdmissionLimit.allCases.reduce(0) { $0 + self[$1] } }

        mutating func count(_ limit: CallAdmissionLimit, times: UInt64 = 1) { counts[limit.rawValue] &+= times }
    }

    mutating func add(_ other: CallAdmissionSnapshot) {
        connections += other.connections
        callsInFlight += other.callsInFlight
        commandsRunning += other.commandsRunning
        bytesInFlight += other.bytesInFlight
        waiting += other.waiting
        longestWait = max(longestWait, other.longestWait)
        for limit in CallAdmissionLimit.allCases { refusals.count(limit, times: other.refusals[limit]) }
    }
}
