/// One closed-loop run of echo calls: every connection keeps `depth` calls unanswered, and starts the next
/// when one is answered.
struct EchoSettings {
    var endpoint: Endpoint
    /// One for each connection in turn, so that several orgs share the load.
    var tokens: [String]
    /// One for each place of a connection in turn.
    var keys: [String]
    var backend = EchoBackend.memory
    var connections = 1
    var depth = 1
    /// Bytes of payload of each call. With the default, and a key of six letters, a frame is of 54.
    var payload = 25
    /// How long is measured, after the warm-up.
    var duration = Duration.seconds(5)
    var warmup = Duration.seconds(1)
    /// Ends the measurement sooner, after so many answers.
    var calls: Int?
    /// Whose processor time is told.
    var server = ServerProcessor(pids: [])

    /// For connecting, the hello, and the answers that are outstanding at the end.
    static let patience = Duration.seconds(10)
    static let maximumConnections = 50_000
    static let maximumDepth = 4096

    /// Throws for what cannot be run.
    func validate() throws(LoadFailure) {
        guard (1...Self.maximumConnections).contains(connections) else {
            throw .settings("connections: 1 to \(Self.maximumConnections)")
        }
        guard (1...Self.maximumDepth).contains(depth) else { throw .settings("depth: 1 to \(Self.maximumDepth)") }
        guard payload >= FrameTemplate.stampLength else {
            throw .settings("payload: at least \(FrameTemplate.stampLength) bytes, which tell answers apart")
        }
        guard !tokens.isEmpty, !keys.isEmpty else { throw .settings("give at least one token and one key") }
        guard duration > .zero, warmup >= .zero else { throw .settings("duration: more than zero") }
    }
}

/// Where the broker keeps the key that a call names.
enum EchoBackend: String, Codable, CaseIterable {
    case local
    case memory

    /// Of `BackendType` in common.proto.
    var wireNumber: UInt64 {
        switch self {
        case .local: 1
        case .memory: 2
        }
    }
}
