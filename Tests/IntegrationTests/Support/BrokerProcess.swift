import Foundation
import Glibc

/// A broker that runs as a process of its own: `agent-broker serve`, on a free port of the loopback.
///
/// Safe to share.
final class BrokerProcess: Sendable {
    /// What `serve --json` prints when it accepts connections.
    struct ReadyLine: Decodable, Sendable {
        let ready: Bool
        let wire: String
        let http: String
        let unix: String
        let root: String
        let tls: Bool
        let isolation: String
        let version: String
        let pid: Int32
        /// Of a broker without a configuration.
        let org: String?
        let token: String?
    }

    let ready: ReadyLine
    let process: ChildProcess

    /// Starts it and waits until it is ready. `launcher`: what executes it in the end, with its own arguments.
    /// `errorPipe`: its standard error, in place of a file.
    convenience init(
        _ arguments: [String],
        through launcher: [String] = [],
        environment: [String: String] = [:],
        errorPipe: Pipe? = nil
    ) async throws {
        let program = try BuiltProducts.program("agent-broker")
        let words = launcher + [program, "serve", "--json", "--listen", "127.0.0.1:0"]
        try await self.init(
            words[0],
            words.dropFirst() + arguments,
            environment: environment,
            errorPipe: errorPipe
        )
    }

    /// Starts it with a socket that is listened on already, as systemd does.
    convenience init(_ arguments: [String], listeningOn socket: FileHandle) async throws {
        // What comes before its own process id is known to itself alone.
        let script = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\""
        try await self.init(
            "/bin/sh",
            ["-c", script, "sh", try BuiltProducts.program("agent-broker"), "serve", "--json"] + arguments,
            inputDescriptor: socket
        )
    }

    private init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        inputDescriptor: FileHandle? = nil,
        errorPipe: Pipe? = nil
    ) async throws {
        let output = Pipe()
        let process = try ChildProcess(
            program,
            arguments,
            environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 },
            inputDescriptor: inputDescriptor,
            outputPipe: output,
            errorPipe: errorPipe
        )
        let line = await Self.firstLine(of: output.fileHandleForReading)
        guard let ready = try? JSONDecoder().decode(ReadyLine.self, from: line) else {
            process.send(SIGKILL)
            throw ChildProcess.Failure(description: "the broker did not start: \(try await process.exit())")
        }
        self.process = process
        self.ready = ready
    }

    /// Ends it by a signal and waits for its end.
    func stop(_ signal: Int32 = SIGTERM) async throws -> ChildProcess.Result {
        process.send(signal)
        return try await process.exit()
    }

    private static func firstLine(of handle: FileHandle) async -> Data {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var line = Data()
                while let byte = try? handle.read(upToCount: 1), byte != Data("\n".utf8), !byte.isEmpty {
                    line += byte
                }
                continuation.resume(returning: line)
            }
        }
    }
}

/// Runs a broker while `body` runs, and checks that it ends well afterwards.
func withBrokerProcess<Value: Sendable>(
    _ arguments: [String],
    _ body: (BrokerProcess) async throws -> Value
) async throws -> Value {
    let broker = try await BrokerProcess(arguments)
    let value: Value
    do {
        value = try await body(broker)
    } catch {
        _ = try? await broker.stop(SIGKILL)
        throw error
    }
    let result = try await broker.stop()
    guard result.status == 0 else {
        throw ChildProcess.Failure(description: "the broker did not end well: \(result)")
    }
    return value
}

// MARK: What it holds

extension BrokerProcess {
    /// What may leak. Compared before and after.
    struct Holdings: Equatable, Sendable {
        var descriptors: Int
        var children: Int
        var mounts: Int
        var temporaryFiles: Int
    }

    var holdings: Holdings {
        let process = "/proc/\(ready.pid)"
        let orgs = "\(ready.root)/v1/orgs"
        return Holdings(
            descriptors: Self.names(in: "\(process)/fd").count,
            children: Self.names(in: "\(process)/task").reduce(0) { count, thread in
                count + Self.text("\(process)/task/\(thread)/children").split(separator: " ").count
            },
            mounts: Self.text("\(process)/mountinfo").split(separator: "\n").count,
            temporaryFiles: Self.names(in: orgs).reduce(0) { $0 + Self.names(in: "\(orgs)/\($1)/.tmp").count }
        )
    }

    private static func names(in directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

// MARK: The command as its client

extension BrokerProcess {
    /// The environment of a client: where the broker is, and a token, that of the embedded org unless given.
    func environment(token: String? = nil) -> [String: String] {
        [
            "PATH": "/usr/bin:/bin",
            "AGENT_BROKER_ADDRESS": ready.wire,
            "AGENT_BROKER_TOKEN": token ?? ready.token ?? "",
        ]
    }

    /// Runs the command as a client of this broker.
    func client(_ arguments: String..., token: String? = nil, input: Data = Data()) async throws -> ChildProcess.Result
    {
        try await client(arguments: arguments, token: token, input: input)
    }

    func client(
        arguments: [String],
        token: String? = nil,
        input: Data = Data()
    ) async throws -> ChildProcess.Result {
        try await ChildProcess.run(
            try BuiltProducts.program("agent-broker"),
            arguments,
            environment: environment(token: token),
            input: input
        )
    }
}
