import AgentBackend
import ArgumentParser
import AuditLog
import BrokerServer

/// Looks at a broker's audit log, in its files: no broker need run.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check and search the audit log of a broker, in its files.",
        discussion: "To be run on the broker's host and as its user; a broker need not run, and may.",
        subcommands: [AuditVerifyCommand.self, AuditTailCommand.self, AuditQueryCommand.self, AuditKeyCommand.self]
    )
}

/// Where the log is, and whose.
struct AuditLocation: ParsableArguments {
    @Option(help: ArgumentHelp("The YAML configuration of the broker.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Where the broker keeps everything.", valueName: "dir"))
    var root: String?
    @Option(help: ArgumentHelp("Of this org alone.", valueName: "name"))
    var org: String?
    @Flag(help: "Print JSON, also for errors.")
    var json = false

    func run(
        _ body: @escaping @Sendable (AuditFiles, _ orgs: [String], CommandOutput) async throws -> ExitStatus
    ) async throws {
        let status = await InterruptibleRun(asJSON: json).status { [self] in
            var configuration = BrokerConfiguration()
            if let config { configuration = try ConfigurationSource(path: config).read().configuration }
            let root = root ?? configuration.root
            let files = AuditFiles(path: "\(root)/\(AuditFiles.directoryName)")
            do {
                let orgs = try files.orgs()
                guard org.map({ orgs.contains($0) }) ?? !orgs.isEmpty else { throw Self.nothing(org, root) }
                return try await body(files, org.map { [$0] } ?? orgs, try CommandOutput(asJSON: json))
            } catch let fault as AuditFault {
                throw fault.asOperator
            }
        }
        throw ExitCode(status.rawValue)
    }

    private static func nothing(_ org: String?, _ root: String) -> BackendError {
        BackendError(
            .notFound,
            reason: .notFound,
            message:
                "there is no audit log\(org.map { " of the org \"\($0)\"" } ?? "") beneath \(root): say with --root or "
                + "--config where the broker keeps it; audit.enabled has it kept"
        )
    }
}

extension AuditFault {
    /// For who may see files of the host.
    fileprivate var asOperator: BackendError {
        BackendError(
            .readFailed,
            reason: .io,
            systemErrno: errno,
            message: "\(self): run it as the user that the broker runs as",
            cause: self
        )
    }
}

/// Prints the key by which heads are verified.
struct AuditKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Print the public key by which the broker signs its audit log.",
        discussion: "To be kept elsewhere, for audit verify --key: who changes the log may change its own key too."
    )

    @OptionGroup var location: AuditLocation

    func run() async throws {
        try await location.run { files, _, output in
            guard let key = try files.publicKey() else {
                throw BackendError(.notFound, reason: .notFound, message: "the log has no signing key: it was removed")
            }
            if output.asJSON {
                var line = JSONLine()
                line.add("key", key.text)
                try await output.print(line)
            } else {
                try await output.print(key.text)
            }
            return .success
        }
    }
}
