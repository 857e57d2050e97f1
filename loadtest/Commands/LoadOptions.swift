internal import ArgumentParser
internal import Glibc

/// What the commands that run one load have in common.
struct LoadOptions: ParsableArguments {
    @Option(help: "HOST:PORT or unix:PATH.", transform: Endpoint.init(argument:))
    var address: Endpoint

    @Option(help: "Token, of another org each. Several serve the connections in turn.")
    var token: [String] = []

    @Option(help: "Key to call. Several serve the calls in turn.")
    var key: [String] = []

    @Option(help: "Instead of --key: so many keys, load-0 and on.")
    var keys: Int?

    @Flag(help: "Each call takes the next key or file, rather than each place of a connection one of its own.")
    var turns = false

    @Option(help: "Connections.")
    var connections = 1

    @Option(help: "Unanswered calls of each connection.")
    var depth = 1

    @Option(help: "How long to measure.", transform: Duration.init(argument:))
    var duration: Duration = .seconds(5)

    @Option(help: "How long to run before that.", transform: Duration.init(argument:))
    var warmup: Duration = .seconds(1)

    @Option(help: "Measure so many calls at the most.")
    var calls: Int?

    @Option(help: "Process whose processor time to tell. Several are summed.")
    var serverPid: [Int32] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    func settings(_ operation: LoadOperation) throws -> LoadSettings {
        var settings = LoadSettings(endpoint: address, tokens: token.isEmpty ? [""] : token, keys: try chosenKeys())
        settings.operation = operation
        settings.takesTurns = turns
        settings.connections = connections
        settings.depth = depth
        settings.duration = duration
        settings.warmup = warmup
        settings.calls = calls
        settings.server = ServerProcessor(pids: serverPid)
        return settings
    }

    func run(_ settings: LoadSettings) throws {
        let report = try LoadRun(settings).run()
        print(json ? try report.json() : report.text)
        if let fault = report.fault { throw LoadFailure.failedCalls(fault) }
    }

    private func chosenKeys() throws -> [String] {
        guard key.isEmpty || keys == nil else { throw ValidationError("give --key or --keys, not both") }
        if !key.isEmpty { return key }
        let count = keys ?? 1
        guard (1...1_000_000).contains(count) else { throw ValidationError("--keys: 1 to 1000000") }
        return (0..<count).map { "load-\($0)" }
    }
}

extension LoadBackend: ExpressibleByArgument {}

extension Endpoint {
    init(argument text: String) throws {
        guard let endpoint = Endpoint(text) else {
            throw ValidationError("\(text) is no address: write HOST:PORT or unix:PATH")
        }
        self = endpoint
    }
}
