import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

extension IntegrationTests {
    /// Brokers that take one another's place, on a socket that is never closed.
    @Suite
    struct SupervisedRestartTests {
        private static let restarts = 20

        /// No wrong answer, and no failed call that was safe to repeat: what began before an end is finished, and what did
        /// not is the next broker's.
        @Test(.timeLimit(.minutes(5)))
        func twentyRestartsUnderLoad() async throws {
            try await withScratchDirectory { directory in
                let orgs = try await OrgFile(
                    orgs: ["acme", "ops"],
                    in: directory,
                    additions: ["ops": "role: operator"]
                )
                let token = try #require(orgs.tokens["acme"])
                let operatorToken = try #require(orgs.tokens["ops"])
                let supervisor = try await Supervisor(["--root", "\(directory)/root", "--config", orgs.path])
                let address = BrokerAddress.tcp(host: "127.0.0.1", port: supervisor.port)
                let load = RestartLoad(address: address, token: token)
                do {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<2 { group.addTask { try await load.run { try await load.append(number) } } }
                        group.addTask { try await load.run { try await load.runCommands() } }
                        group.addTask { try await load.run { try await load.connectAnew() } }
                        for restart in 0..<Self.restarts {
                            await load.untilBusy()
                            if restart.isMultiple(of: 4) {
                                try await supervisor.restart { _ in try await drain(address, operatorToken) }
                            } else {
                                try await supervisor.restart()
                            }
                        }
                        load.end()
                        try await group.waitForAll()
                    }
                } catch {
                    load.end()
                    _ = try? await supervisor.broker.stop(SIGKILL)
                    throw error
                }
                try await supervisor.stop()
            }
        }

        private func drain(_ address: BrokerAddress, _ token: String) async throws {
            let connection = try await BrokerConnection.connect(to: address, token: token)
            let report = try await connection.drain()
            #expect(report.cancelled == 0)
            #expect(report.connections >= 4)
            await connection.close()
        }
    }
}

/// What callers do all the time, each with answers that it knows. Safe to share.
private final class RestartLoad: Sendable {
    private let address: BrokerAddress
    private let token: String
    private let isOver = Atomic<Bool>(false)
    /// Calls of each kind of caller.
    private let counts = Mutex([0, 0, 0, 0])

    init(address: BrokerAddress, token: String) {
        self.address = address
        self.token = token
    }

    func end() { isOver.store(true, ordering: .relaxed) }

    /// A caller that fails ends the load.
    func run(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            end()
            throw error
        }
    }

    /// Waits until every caller has made some more calls, or one has failed.
    func untilBusy() async {
        let before = counts.withLock { $0 }
        while !isOver.load(ordering: .relaxed), !counts.withLock({ zip($0, before).allSatisfy { $0 > $1 + 2 } }) {
            await Task.yield()
        }
    }

    private func advance(_ kind: Int) { counts.withLock { $0[kind] += 1 } }

    /// Each append once, no more and no less.
    func append(_ number: Int) async throws {
        try await withBackend { backend in
            var count = 0
            while !isOver.load(ordering: .relaxed) {
                try await backend.write("appended-\(number)", "\(count)\n", options: WriteOptions(mode: .append))
                count += 1
                advance(number)
            }
            let lines = try await backend.readText("appended-\(number)").split(separator: "\n")
            #expect(lines == (0..<count).map { Substring("\($0)") })
        }
    }

    /// Commands take long enough to be in flight when the broker is told to end.
    func runCommands() async throws {
        try await withBackend { backend in
            var count = 0
            while !isOver.load(ordering: .relaxed) {
                let output = try await backend.exec("sleep 0.1; echo \(count)")
                #expect(output == "\(count)\n")
                count += 1
                advance(2)
            }
        }
    }

    /// Callers that come for one call. Nobody is refused; one who came as the broker began to end is told to repeat it.
    func connectAnew() async throws {
        var count = 0
        while !isOver.load(ordering: .relaxed) {
            let sent = ByteBuffer(string: "\(count)")
            do {
                try await BrokerConnection.withConnection(to: address, token: token) { connection in
                    let echoed = try await connection.echo(sent, on: BrokerTarget(key: "k"))
                    #expect(echoed == sent)
                }
                count += 1
                advance(3)
            } catch let error as BackendError where error.isRetryable && error.systemErrno == 0 {
                #expect(!error.maybeExecuted)
            }
        }
    }

    private func withBackend(_ body: (RemoteFilesystemBackend) async throws -> Void) async throws {
        let configuration = RemoteFilesystemBackend.Configuration(
            address: address,
            token: token,
            target: BrokerTarget(key: "k"),
            reconnection: ReconnectPolicy(firstDelay: .zero)
        )
        try await RemoteFilesystemBackend.withBackend(configuration) { try await body($0) }
    }
}
