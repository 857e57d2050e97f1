internal import AgentBackend
package import BrokerServer
internal import BrokerWire
internal import Foundation
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
package import Tracing

/// A broker of a test's own, in this process: a new root beneath /tmp, a free port of the loopback and a unix socket.
///
/// A value; safe to share. Good while the body of ``withBroker(orgs:ending:configure:_:)`` runs.
package struct InProcessBroker: Sendable {
    /// How the broker is brought to its end.
    package enum Ending: Sendable {
        /// As by SIGTERM.
        case graceful
        /// As by cancelling the task that runs it.
        case cancellation
    }

    /// What the broker keeps everything beneath.
    package let root: String
    /// Of the loopback.
    package let port: Int
    package let unixSocket: String
    /// Of HTTP, of the loopback; 0: there is none.
    package let httpPort: Int
    /// How commands are isolated; empty where this host cannot.
    package let isolation: String
    private let tokens: [String: String]
    /// Has it read the files of TLS again. Throws what is wrong with them.
    package let reloadCertificates: @Sendable () throws -> Void

    fileprivate init(_ report: ReadyReport, unixSocket: String, tokens: [String: String]) throws {
        guard let port = report.wires.first?.address.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw BackendError(.internal, message: "the broker does not say where it listens")
        }
        root = report.root
        self.port = port
        self.unixSocket = unixSocket
        httpPort = report.http.first?.address.split(separator: ":").last.flatMap { Int($0) } ?? 0
        isolation = report.isolation
        self.tokens = tokens
        reloadCertificates = report.reloadCertificates
    }

    /// A token that may do anything in an org. Empty for an org that the broker does not have.
    package func token(of org: String = "acme") -> String { tokens[org] ?? "" }

    /// The directory of a key's files, as the host sees it.
    package func workspace(of org: String = "acme", key: String) -> String { "\(root)/v1/orgs/\(org)/\(key)" }

    /// The names in a directory beneath the root, sorted.
    package func entries(of directory: String) -> [String] { names(in: "\(root)/\(directory)").sorted() }

    /// The names of an org's temporary files. Uploads that are under way have some; a broker that has ended, none.
    package func temporaryFiles(of org: String = "acme") -> [String] { names(in: "\(root)/v1/orgs/\(org)/.tmp") }
}

/// Runs a broker for as long as `body` runs, ends it, and checks that it left nothing behind: no process, socket,
/// lock or temporary file.
///
/// - Parameters:
///   - orgs: Each with one token.
///   - configure: What is to differ from the defaults, which are a broker's own but for times that a test waits for.
///   - reloaded: What is to differ from that once the broker has read its configuration again.
///   - front: Another way in than the wire.
///   - tracer: Who is told of calls and commands.
///   - time: Where the broker takes it from for what goes by hours and days.
///
/// Throws what `body` throws; else what kept the broker from starting or from ending well.
package func withBroker<Value: Sendable>(
    orgs: [String] = ["acme"],
    ending: InProcessBroker.Ending = .graceful,
    configure: (inout BrokerConfiguration) -> Void = { _ in },
    reloaded: (@Sendable (inout BrokerConfiguration) -> Void)? = nil,
    front: (any BrokerFront)? = nil,
    tracer: (any Tracer)? = nil,
    time: BrokerTime = BrokerTime(),
    _ body: (InProcessBroker) async throws -> Value
) async throws -> Value {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    var configuration = BrokerConfiguration(root: "\(directory.path)/root", node: "test")
    configuration.listen = [TCPAddress(host: "127.0.0.1", port: 0)]
    configuration.unixSocket = "\(directory.path)/socket"
    configuration.log.operations = .off
    configuration.limits.drainTimeout = .seconds(5)
    // However slow the machine is.
    configuration.limits.helloDeadline = .seconds(600)
    var tokens: [String: String] = [:]
    for name in orgs {
        let token = Token.generate()
        var org = OrgConfiguration(name: name)
        org.tokens = [TokenRecord(id: token.id, name: "test", hash: token.hash)]
        configuration.orgs.append(org)
        tokens[name] = token.text
    }
    configure(&configuration)

    let reading = try reloaded.map { try Readings(of: configuration, then: $0).first(in: directory.path) }
    let result = try await run(configuration, tokens, ending, reading, front, tracer, time, body)
    try checkNothingIsLeft(configuration)
    return try result.get()
}

private func run<Value: Sendable>(
    _ configuration: BrokerConfiguration,
    _ tokens: [String: String],
    _ ending: InProcessBroker.Ending,
    _ reading: ConfigurationSource.Reading?,
    _ front: (any BrokerFront)?,
    _ tracer: (any Tracer)?,
    _ time: BrokerTime,
    _ body: (InProcessBroker) async throws -> Value
) async throws -> Result<Value, any Error> {
    let service = BrokerService(
        configuration: configuration,
        reading: reading,
        front: front,
        tracer: tracer,
        time: time
    )
    var group = ServiceGroupConfiguration(
        services: [
            .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup, serviceName: "broker")
        ],
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    group.gracefulShutdownSignals = []
    let services = ServiceGroup(configuration: group)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { service.ready.finish(nil) }
            try await services.run()
        }
        guard let report = await service.ready.value else {
            try await tasks.waitForAll()
            throw BackendError(.internal, message: "the broker ended before it was ready")
        }
        let broker = try InProcessBroker(report, unixSocket: configuration.unixSocket ?? "", tokens: tokens)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(broker))
        } catch {
            result = .failure(error)
        }
        switch ending {
        case .graceful: await services.triggerGracefulShutdown()
        case .cancellation: tasks.cancelAll()
        }
        do {
            try await tasks.waitForAll()
        } catch is CancellationError {
            // As it was asked to.
        }
        return result
    }
}

/// A configuration that is another one when it is read again.
private final class Readings: Sendable {
    private let configuration: BrokerConfiguration
    private let change: @Sendable (inout BrokerConfiguration) -> Void
    private let count = Mutex(0)

    init(of configuration: BrokerConfiguration, then change: @escaping @Sendable (inout BrokerConfiguration) -> Void) {
        self.configuration = configuration
        self.change = change
    }

    /// The file says nothing: all goes over it.
    func first(in directory: String) throws -> ConfigurationSource.Reading {
        try Data("node: test\n".utf8).write(to: URL(fileURLWithPath: "\(directory)/broker.yaml"))
        return try ConfigurationSource(path: "\(directory)/broker.yaml") { [self] configuration in
            configuration = self.configuration
            if count.withLock({ count in
                defer { count += 1 }; return count > 0
            }) {
                change(&configuration)
            }
        }.read()
    }
}

private struct BrokerService: Service {
    let configuration: BrokerConfiguration
    let reading: ConfigurationSource.Reading?
    let front: (any BrokerFront)?
    let tracer: (any Tracer)?
    let time: BrokerTime
    let ready = Announcement()

    func run() async throws {
        let broker = Broker(
            configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            time: time,
            reading: reading,
            front: front,
            tracer: tracer
        )
        try await broker.run(handlesSignals: false) { ready.finish($0) }
    }
}

/// The ready report, for one who waits. Nil: there will be none.
private final class Announcement: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<ReadyReport?, Never>)
        case made(ReadyReport?)
    }

    private let state = Mutex(State.open)

    var value: ReadyReport? {
        get async {
            await withCheckedContinuation { continuation in
                let made = state.withLock { state -> ReadyReport?? in
                    if case .made(let report) = state { return .some(report) }
                    state = .awaited(continuation)
                    return nil
                }
                if let made { continuation.resume(returning: made) }
            }
        }
    }

    /// Only the first one counts.
    func finish(_ report: ReadyReport?) {
        let waiter = state.withLock { state -> CheckedContinuation<ReadyReport?, Never>? in
            switch state {
            case .made: return nil
            case .open:
                state = .made(report)
                return nil
            case .awaited(let waiter):
                state = .made(report)
                return waiter
            }
        }
        waiter?.resume(returning: report)
    }
}

// MARK: What is left

private func checkNothingIsLeft(_ configuration: BrokerConfiguration) throws {
    var left: [String] = []
    if let socket = configuration.unixSocket, access(socket, F_OK) == 0 { left.append("the unix socket") }
    let orgs = "\(configuration.root)/v1/orgs"
    for org in names(in: orgs) {
        for file in names(in: "\(orgs)/\(org)/.tmp") { left.append("the temporary file \(org)/.tmp/\(file)") }
    }
    for process in processes(beneath: configuration.root) { left.append("process \(process)") }
    guard left.isEmpty else {
        throw BackendError(.internal, message: "the broker left behind: \(left.joined(separator: ", "))")
    }
}

/// Processes other than this one that work in a directory beneath `root` or see a workspace of it: a spare sandbox has none.
package func processes(beneath root: String) -> [Int32] {
    names(in: "/proc").compactMap { Int32($0) }.filter { process in
        guard process != getpid() else { return false }
        if let directory = symbolicLink("/proc/\(process)/cwd"), directory.hasPrefix(root) { return true }
        return text(of: "/proc/\(process)/mountinfo").contains("\(root)/v1/orgs/")
    }
}

/// Of those the commands: without what a sandbox consists of, and what makes it.
package func commands(beneath root: String) -> [Int32] {
    let sandboxes = ["bwrap", "sandbox-keeper", "sandbox-agent", "sandbox-cell"]
    return processes(beneath: root).filter { !sandboxes.contains(String(text(of: "/proc/\($0)/comm").dropLast())) }
}

private func names(in directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
}

private func symbolicLink(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
}

private func text(of path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
}

/// A new directory beneath /tmp that other users may pass through.
private struct TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/broker-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made, chmod(made, 0o755) == 0 else {
            throw BackendError(.internal, systemErrno: errno, message: "cannot make a directory beneath /tmp")
        }
        path = made
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
