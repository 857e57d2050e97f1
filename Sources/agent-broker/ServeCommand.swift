import AgentBackend
import ArgumentParser
import BrokerHTTP
import BrokerServer
import BrokerWire
import CoreMetrics
import Glibc
import LocalBackend

/// Runs a broker until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a broker until SIGTERM or Ctrl-C.",
        discussion: """
            Without --config it serves one org, "default", with one token that is made once, kept under the root and \
            printed. Flags go over the file, which SIGHUP and `agent-broker reload` have read again. A port of 0 \
            takes any free one; the ready line tells which.
            """
    )

    @Option(help: ArgumentHelp("The YAML configuration.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Where the broker keeps everything: /var/lib/agent-broker for root, else the user's state directory.",
            valueName: "dir"
        )
    )
    var root: String?

    @Option(help: ArgumentHelp("Accept TCP connections here. May be given several times.", valueName: "host:port"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Serve HTTP here, for MCP, health and metrics. May be given several times; a port alone is one of the loopback.",
            valueName: "host:port"
        )
    )
    var http: [String] = []

    @Option(help: ArgumentHelp("Accept connections on a unix socket as well.", valueName: "path"))
    var unix: String?

    @Option(help: ArgumentHelp("Speak TLS on --listen, with this certificate and its chain in PEM.", valueName: "file"))
    var tlsCert: String?

    @Option(
        help: ArgumentHelp("The certificate's key in PEM, which others must not be able to read.", valueName: "file")
    )
    var tlsKey: String?

    @Option(help: ArgumentHelp("Ask clients for a certificate from one of these authorities.", valueName: "file"))
    var tlsClientCa: String?

    @Option(help: ArgumentHelp("What calls in flight get to end in, such as 30s.", valueName: "time"))
    var drainTimeout: String?

    @Option(help: ArgumentHelp("Do not start below this: none, software, landlock or bwrap.", valueName: "level"))
    var requireIsolation: String?

    @Option(
        help: ArgumentHelp("Write the ready line here too, as a JSON object, and close it.", valueName: "descriptor")
    )
    var readyFd: Int32?

    @Flag(help: "Print the ready line as one JSON object.")
    var json = false

    func run() async throws {
        do {
            let reading = try config.map { path throws(BackendError) in
                try ConfigurationSource(path: path, overrides: try overrides()).read()
            }
            let configuration = try reading?.configuration ?? makeConfiguration()
            let supervision = try Supervision.ofProcess()
            let readiness = try readyFd.map { descriptor throws(BackendError) in try ReadyDescriptor(descriptor) }
            let output = BrokerOutput()
            // What libraries of this process count is told as well.
            let factory = SidePort.makeFactory()
            MetricsSystem.bootstrap(factory)
            let broker = Broker(
                configuration: configuration,
                logger: output.logger(label: "agent-broker", level: configuration.log.level),
                output: output,
                supervision: supervision,
                reading: reading,
                front: SidePort(factory: factory)
            )
            try await broker.run { report in
                let line = ReadyLine(report)
                line.print(asJSON: json)
                readiness?.tell(line)
            }
        } catch let error as BackendError {
            ExitStatus.report(error, asJSON: json)
            throw ExitCode(ExitStatus(error).rawValue)
        }
    }

    private func makeConfiguration() throws(BackendError) -> BrokerConfiguration {
        var configuration = BrokerConfiguration()
        try overrides()(&configuration)
        return configuration
    }

    /// What the flags say, which goes over the file each time that it is read.
    private func overrides() throws(BackendError) -> ConfigurationSource.Overrides {
        let root = try root.map(absolute)
        let unix = try unix.map(absolute)
        let addresses = try listen.map { text throws(BackendError) in try Self.address(text, "--listen") }
        let httpAddresses = try http.map { text throws(BackendError) in
            try Self.address(UInt16(text) == nil ? text : "127.0.0.1:\(text)", "--http")
        }
        let required = try requireIsolation.map { text throws(BackendError) in
            guard let level = IsolationMode(rawValue: text) else {
                throw BackendError(
                    .invalidConfiguration,
                    message: "--require-isolation \(text) is no level: none, software, landlock or bwrap"
                )
            }
            return level
        }
        let certificate = try tlsCert.map(absolute)
        let key = try tlsKey.map(absolute)
        let clientAuthorities = try tlsClientCa.map(absolute)
        let drainTimeout = try drainTimeout.map(self.drainTimeout)
        return { configuration in
            if let root { configuration.root = root }
            if !addresses.isEmpty { configuration.listen = addresses }
            if !httpAddresses.isEmpty { configuration.http.listen = httpAddresses }
            if let unix { configuration.unixSocket = unix }
            if let certificate { configuration.tls.certificate = certificate }
            if let key { configuration.tls.key = key }
            if let clientAuthorities { configuration.tls.clientAuthorities = clientAuthorities }
            if let drainTimeout { configuration.limits.drainTimeout = drainTimeout }
            if let required { configuration.exec.requireIsolation = required }
        }
    }

    private static func address(_ text: String, _ option: String) throws(BackendError) -> TCPAddress {
        guard let address = TCPAddress(text) else {
            throw BackendError(.invalidConfiguration, message: "\(option) \(text) is no HOST:PORT")
        }
        return address
    }

    private func drainTimeout(_ text: String) throws(BackendError) -> Duration {
        guard let duration = try? Quantity.duration(text), duration <= .seconds(3600) else {
            throw BackendError(.invalidConfiguration, message: "--drain-timeout \(text) is no time from 0s to 1h")
        }
        return duration
    }

    private func absolute(_ path: String) throws(BackendError) -> String {
        if path.hasPrefix("/") { return path }
        guard let directory = getcwd(nil, 0) else {
            throw BackendError(.invalidConfiguration, systemErrno: errno, message: "there is no working directory")
        }
        defer { free(directory) }
        return "\(String(cString: directory))/\(path)"
    }
}
