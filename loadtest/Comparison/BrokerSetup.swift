internal import FoundationEssentials

/// A broker that can be started, again and again: its program, its configuration and its root, in a directory of its
/// own, and a token for each of its orgs.
struct BrokerSetup {
    let name: String
    /// One of each org.
    let tokens: [String]
    private let executable: String
    /// Holds everything of this broker.
    private let directory: String
    private var configuration: String { "\(directory)/broker.yaml" }
    var root: String { "\(directory)/root" }

    /// - Parameters:
    ///   - executable: Path of agent-broker.
    ///   - directory: Gets a directory with the broker's name.
    ///   - settings: Merged over the configuration when all else is in it.
    ///   - configure: What differs from the broker's defaults.
    init(
        _ executable: String,
        name: String = "broker",
        in directory: String,
        orgs: Int = 2,
        settings: JSONValue? = nil,
        configure: (inout BrokerConfiguration) -> Void = { _ in }
    ) throws(LoadFailure) {
        self.name = name
        self.executable = executable
        self.directory = "\(directory)/\(name.replacing(" ", with: "-"))"
        let credentials = (0..<orgs).map { _ in BrokerCredential() }
        tokens = credentials.map(\.token)
        var file = BrokerConfiguration(
            orgs: credentials.enumerated().map { .init(name: "org-\($0)", tokens: [.init($1)]) }
        )
        configure(&file)
        do {
            // The orgs' users have to get through to the root.
            try FileManager.default.createDirectory(
                atPath: self.directory,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o711]
            )
        } catch {
            throw .child("cannot make \(self.directory): \(error)")
        }
        try file.write(to: configuration, settings)
    }

    /// On any free port.
    var start: ServerStart { start(listeningOn: .internet(host: "127.0.0.1", port: 0)) }

    func start(listeningOn endpoint: Endpoint) -> ServerStart {
        let listen = ["--listen", endpoint.description]
        let arguments = ["serve", "--json"] + listen + ["--root", root, "--config", configuration]
        return ServerStart(
            name: name,
            program: ProgramStart(
                executable: executable,
                arguments: arguments,
                name: "agent-broker",
                directory: directory
            ),
            tokens: tokens
        ) { (line) throws(LoadFailure) in
            let ready: BrokerReady = try ChildProcess.decode(line, from: "agent-broker serve")
            guard let endpoint = Endpoint(ready.wire) else { throw .child("agent-broker says no address: \(line)") }
            return endpoint
        }
    }

    /// As if the broker had never run here.
    func removeRoot() {
        try? FileManager.default.removeItem(atPath: root)
    }
}

/// The line of `agent-broker serve --json` that says where it listens.
private struct BrokerReady: Decodable {
    let wire: String
}
