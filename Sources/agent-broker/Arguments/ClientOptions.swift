import AgentBackend
import ArgumentParser
import BrokerClient
import BrokerServer
import Glibc

/// What every command takes that talks to a broker.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The broker: HOST:PORT or unix:PATH.", valueName: "address"))
    var address: String?

    @Option(help: "The token. The environment is the safer place: others can see a process's arguments.")
    var token: String?

    @Option(help: "The key whose workspace it is about, such as a user, an agent or a project.")
    var key: String?

    @Option(help: ArgumentHelp("Confine everything to this directory of the workspace.", valueName: "path"))
    var scope: ByteArgument?

    @Option(help: "Where the key's files live: local or memory. (default: local)")
    var backend: Backend?

    @OptionGroup(title: "TLS")
    var tls: TLSOptions

    @Flag(help: "Print JSON, also for errors.")
    var json = false

    enum Backend: String, ExpressibleByArgument {
        case local
        case memory
    }

    func resolvedAddress() throws(BackendError) -> BrokerAddress {
        guard let address = address ?? Self.environmentVariable("AGENT_BROKER_ADDRESS") else {
            throw Self.usage("say where the broker is: --address HOST:PORT, or AGENT_BROKER_ADDRESS")
        }
        return try BrokerAddress(address)
    }

    func resolvedToken() throws(BackendError) -> String {
        guard let token = token ?? Self.environmentVariable("AGENT_BROKER_TOKEN") else {
            throw Self.usage("give a token: --token, or AGENT_BROKER_TOKEN")
        }
        return token
    }

    /// `isKeyOptional`: without a key the target is fit for a lease on a fresh workspace. `defaultBackend`: where
    /// --backend is not given.
    func target(
        isKeyOptional: Bool = false,
        defaultBackend: Backend = .local
    ) throws(BackendError) -> BrokerTarget {
        guard let key = key ?? (isKeyOptional ? "" : nil) else {
            throw Self.usage("say whose workspace it is about: --key")
        }
        let backend: BackendType =
            switch self.backend ?? defaultBackend {
            case .local: .localFilesystem
            case .memory: .memory
            }
        return BrokerTarget(backend: backend, key: key, scope: try scope.map(path) ?? .root)
    }

    func path(_ argument: ByteArgument) throws(BackendError) -> WorkspacePath {
        try WorkspacePath(argument.bytes)
    }

    static func usage(_ message: String) -> BackendError {
        BackendError(.invalidArgument, message: message, operation: "usage")
    }

    /// Nil where it is not set, or empty.
    static func environmentVariable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
