internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// Runs commands of all kinds, in sandboxes that it shares with the other agents of its org, one at a time.
struct ExecAgent: TortureAgent {
    static let lastingEntries = 0
    /// Of each org, in use all the time.
    private static let keys = 4
    /// Of each org, left alone for long enough to be destroyed, and made anew.
    private static let rareKeys = 64

    let number: Int
    let address: BrokerAddress
    let tokens: TortureTokens
    var random: SeededGenerator
    var connection: BrokerConnection?
    private var lastMark: UInt64 = 0

    init(_ number: Int, _ address: BrokerAddress, _ tokens: TortureTokens, seed: UInt64) {
        self.number = number
        self.address = address
        self.tokens = tokens
        random = SeededGenerator(seed: seed, agent: number)
    }

    /// One of those that this agent shares with others.
    mutating func target() -> BrokerTarget {
        if choice(50) == 0 { return BrokerTarget(key: "rare-\(choice(Self.rareKeys))") }
        return BrokerTarget(key: "exec-\(choice(Self.keys))")
    }

    /// No other command's, of any agent.
    mutating func newMark() -> String {
        lastMark += 1
        return "\(number)-\(lastMark)"
    }

    /// Letters, a few or some thousands, that begin with a mark.
    mutating func newText() -> String {
        let mark = newMark()
        let letters = String((0..<61).map { _ in Character(UnicodeScalar(UInt8(97 + choice(26)))) })
        return mark + String(repeating: letters, count: choice(4) == 0 ? 1 + choice(160) : 1)
    }

    mutating func perform(_ action: ExecAction) async throws -> Int {
        switch action {
        case .nothing: try await nothing()
        case .output: try await output()
        case .code: try await code()
        case .signal: try await signal()
        case .input: try await input()
        case .scoped: try await scoped()
        case .arguments: try await arguments()
        case .unstartable: try await unstartable()
        case .leftovers: try await leftovers()
        case .timeout: try await timeout()
        case .deadline: try await deadline()
        case .cancelled: try await cancelled()
        case .interrupted: try await interrupted()
        case .dropped: try await dropped()
        case .detached: try await detached()
        case .killed: try await killed()
        case .keyless: try await keyless()
        }
        return 1
    }

    /// Runs a command to its end, and checks what holds for each.
    mutating func run(
        _ request: ExecRequest,
        input: ByteBuffer? = nil,
        on target: BrokerTarget
    ) async throws -> CommandResult {
        let result = try await connected().run(request, input: input, on: target)
        try check(result.isolation == "bwrap", "a command ran at level \(result.isolation)")
        try check(
            result.standardOutputCount == result.end.usage.standardOutputBytes
                && result.standardErrorCount == result.end.usage.standardErrorBytes,
            "\(result.standardOutputCount) and \(result.standardErrorCount) bytes came of \(result.end.usage)"
        )
        try check(result.end.isTreeEmpty, "something of a command may be left: \(result.end)")
        return result
    }

    func check(
        _ result: CommandResult,
        _ outcome: ExecEnd.Outcome,
        output: String = "",
        error: String = "",
        _ what: String
    ) throws {
        try check(result.end.outcome == outcome, "\(what) ended with \(result.end), not with \(outcome)")
        try check(result.standardOutput == ByteBuffer(string: output), "\(what) wrote something else")
        try check(result.standardError == ByteBuffer(string: error), "\(what) wrote something else as errors")
    }
}

extension ExecRequest {
    /// A shell line.
    init(_ line: String, _ environment: KeyValuePairs<String, String> = [:], timeout: Duration? = nil)
        throws(BackendError)
    {
        self.init(.shellLine(Array(line.utf8)), environment: try Environment(environment), timeout: timeout)
    }
}
