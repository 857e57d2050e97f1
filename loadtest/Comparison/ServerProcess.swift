internal import FoundationEssentials

/// A server that was started for a comparison and is ready.
struct ServerProcess {
    let name: String
    let endpoint: Endpoint
    let pid: Int32
    /// One for each connection in turn.
    let tokens: [String]

    /// For a program to be ready, or to end.
    private static let patience = Duration.seconds(20)

    /// Runs `limit-echo` for the time of `body`.
    static func withLimit<Result>(
        _ executable: String,
        named name: String,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try ChildProcess.run(executable, ["--port", "0"], name: name, in: directory) { (child) throws(LoadFailure) in
            let line = try child.firstLine(within: patience, interrupts)
            guard line.hasPrefix("ready "), let endpoint = Endpoint(String(line.dropFirst("ready ".count))) else {
                throw .child("limit-echo says no address: \(line)")
            }
            return try body(ServerProcess(name: name, endpoint: endpoint, pid: child.pid, tokens: [""]))
        }
    }

    /// Runs `agent-broker serve` for the time of `body`, with two orgs, whose tokens the connections take in turn.
    /// `maximumRunning`: commands at a time; nil: the broker's default.
    static func withBroker<Result>(
        _ executable: String,
        in directory: String,
        maximumRunning: Int? = nil,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        var configuration = BrokerConfiguration(orgs: [])
        if let maximumRunning {
            configuration.exec = .init(max_running: maximumRunning)
            // Longer than any measurement.
            configuration.limits = .init(queue_timeout: "1h")
        }
        var tokens: [String] = []
        for org in ["a", "b"] {
            let token = try newToken(executable, org: org, in: directory, interrupts)
            tokens.append(token.token)
            configuration.orgs.append(.init(name: org, tokens: [.init(id: token.id, name: "load", hash: token.hash)]))
        }
        let file = "\(directory)/broker.yaml"
        try configuration.write(to: file)
        let arguments = [
            "serve", "--json", "--listen", "127.0.0.1:0", "--root", "\(directory)/root", "--config", file,
        ]
        return try ChildProcess.run(executable, arguments, in: directory) { (child) throws(LoadFailure) in
            let line = try child.firstLine(within: patience, interrupts)
            let ready: BrokerReady = try ChildProcess.decode(line, from: "agent-broker serve")
            guard let endpoint = Endpoint(ready.wire) else { throw .child("agent-broker says no address: \(line)") }
            return try body(ServerProcess(name: "broker", endpoint: endpoint, pid: child.pid, tokens: tokens))
        }
    }

    private static func newToken(
        _ executable: String,
        org: String,
        in directory: String,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> BrokerToken {
        let arguments = ["token", "new", "--org", org, "--name", "load", "--json"]
        let output = try ChildProcess.run(executable, arguments, in: directory) { (child) throws(LoadFailure) in
            try child.wholeOutput(within: patience, interrupts)
        }
        return try ChildProcess.decode(output, from: "agent-broker token new")
    }
}

/// What `agent-broker token new --json` prints.
private struct BrokerToken: Decodable {
    let token: String
    let id: String
    let hash: String
}

/// The line of `agent-broker serve --json` that says where it listens.
private struct BrokerReady: Decodable {
    let wire: String
}

/// The broker's configuration file, as far as a comparison needs it.
private struct BrokerConfiguration: Encodable {
    var orgs: [Org]
    var exec: Exec?
    var limits: Limits?

    struct Exec: Encodable {
        let max_running: Int
    }

    struct Limits: Encodable {
        let queue_timeout: String
    }

    struct Org: Encodable {
        let name: String
        let tokens: [Token]
    }

    struct Token: Encodable {
        let id: String
        let name: String
        let hash: String
    }

    /// As JSON, which is YAML.
    func write(to path: String) throws(LoadFailure) {
        do {
            try JSONEncoder().encode(self).write(to: URL(filePath: path))
        } catch {
            throw .child("cannot write \(path): \(error)")
        }
    }
}
