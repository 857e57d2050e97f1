/// One closed-loop run of calls: every connection keeps `depth` calls unanswered, and starts the next
/// when one is answered.
struct LoadSettings {
    var endpoint: Endpoint
    var operation = LoadOperation.echo
    /// One of each org, for each connection in turn.
    var tokens: [String]
    /// One for each place of an org's connections in turn.
    var keys: [String]
    /// Files of each org, in its keys in turn; they too are for each place in turn. Of no meaning for an echo.
    var files = 1
    var backend = LoadBackend.memory
    var connections = 1
    var depth = 1
    /// Bytes of each payload or file. With the default, and a key of six letters, the frame of an echo is of 54.
    var payload = 25
    /// Of an exec.
    var command = LoadCommand("sleep 0.2")
    /// Each call takes the next of its org's keys or files, rather than each place one of its own.
    var takesTurns = false
    /// Connections that are there at the same time and not measured, from before the warm-up to the end. What their
    /// calls are answered, and whether, is of no matter.
    var background: Background?
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
    /// A ``FileSet`` has all of an org in flight at once, and brokers let 1024 be.
    static let maximumFiles = 1024

    struct Background {
        /// Nil: where the others are.
        var endpoint: Endpoint?
        var tokens: [String]
        var connections: Int
        var depth: Int
        /// Nil: that of the others.
        var command: LoadCommand?
        /// Whether each call is followed by the next. Otherwise each place makes one, and the connection is idle then.
        var isBusy: Bool
    }

    /// Throws for what cannot be run.
    func validate() throws(LoadFailure) {
        guard (1...Self.maximumConnections).contains(connections) else {
            throw .settings("connections: 1 to \(Self.maximumConnections)")
        }
        guard (1...Self.maximumDepth).contains(depth) else { throw .settings("depth: 1 to \(Self.maximumDepth)") }
        let minimum = LoadContents.minimumLength(isFile: operation.isOnFile)
        guard payload >= minimum else {
            throw .settings("payload: at least \(minimum) bytes, which tell answers apart")
        }
        guard (1...Self.maximumFiles).contains(files) else { throw .settings("files: 1 to \(Self.maximumFiles)") }
        guard !tokens.isEmpty, !keys.isEmpty else { throw .settings("give at least one token and one key") }
        guard duration > .zero, warmup >= .zero else { throw .settings("duration: more than zero") }
    }

    /// Of each org.
    var templates: [[CallTemplate]] { tokens.indices.map { templates(ofOrg: $0) } }

    /// The settings of ``background``.
    var ofBackground: LoadSettings? {
        background.map { background in
            var settings = self
            settings.background = nil
            settings.endpoint = background.endpoint ?? endpoint
            settings.tokens = background.tokens
            settings.connections = background.connections
            settings.depth = background.depth
            if let command = background.command {
                settings.operation = .exec
                settings.backend = .local
                settings.command = command
            }
            return settings
        }
    }

    /// The calls of one org, of which each place makes one again and again. `org` is an index of ``tokens``.
    func templates(ofOrg org: Int) -> [CallTemplate] {
        (0..<(operation.isOnFile ? files : keys.count)).map { number in
            let subject = CallTemplate.Subject(
                org: org,
                backend: backend,
                key: keys[number % keys.count],
                path: operation.isOnFile ? "load/\(number)" : "",
                command: command
            )
            return CallTemplate(operation, on: subject, length: payload)
        }
    }
}

/// A command that exits with 0.
struct LoadCommand {
    var shellLine: String
    /// All that it writes, to its standard output.
    var output = ""

    init(_ shellLine: String, output: String = "") {
        self.shellLine = shellLine
        self.output = output
    }

    /// What a command costs where it does next to nothing.
    static let hello = LoadCommand("echo hi", output: "hi\n")
}

/// Where the broker keeps the key that a call names.
enum LoadBackend: String, Codable, CaseIterable {
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
