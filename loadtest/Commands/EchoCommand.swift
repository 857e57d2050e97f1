internal import ArgumentParser
internal import Glibc

struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Echo calls in a closed loop: rate, latency and processor time.",
        discussion: "Every answer is checked. A wrong, failed or missing one makes the exit status 1."
    )

    @Option(help: "HOST:PORT or unix:PATH.", transform: Endpoint.init(argument:))
    var address: Endpoint

    @Option(help: "Token. Several serve the connections in turn.")
    var token: [String] = []

    @Option(help: "Key to call. Several serve the calls in turn.")
    var key: [String] = []

    @Option(help: "Instead of --key: so many keys, load-0 and on.")
    var keys: Int?

    @Option(help: "Where the keys live.")
    var backend: EchoBackend = .memory

    @Option(help: "Connections.")
    var connections = 1

    @Option(help: "Unanswered calls of each connection.")
    var depth = 1

    @Option(help: "Payload of a call, in bytes.")
    var payload = 25

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

    func run() throws {
        var settings = EchoSettings(endpoint: address, tokens: token.isEmpty ? [""] : token, keys: try chosenKeys())
        settings.backend = backend
        settings.connections = connections
        settings.depth = depth
        settings.payload = payload
        settings.duration = duration
        settings.warmup = warmup
        settings.calls = calls
        settings.server = ServerProcessor(pids: serverPid)

        let report = try EchoRun(settings).run()
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

extension EchoBackend: ExpressibleByArgument {}

extension Endpoint {
    init(argument text: String) throws {
        guard let endpoint = Endpoint(text) else {
            throw ValidationError("\(text) is no address: write HOST:PORT or unix:PATH")
        }
        self = endpoint
    }
}
