import AgentBackend
import BrokerClient
import BrokerTestKit
import BrokerWire
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// That a tree of more than 200 processes of all shapes is gone, whatever ends it, as the host sees it: every
    /// process of its pid namespace.
    @Suite(.timeLimit(.minutes(3)))
    struct KillTests {
        enum Kind: Sendable, CaseIterable {
            case foreground
            case terminal
            case background
        }

        /// A command whose whole tree stands.
        private struct Standing: Sendable {
            let tree: ProcessTree
            /// Waits for its end.
            let end: @Sendable () async throws -> ExecEnd?
            /// Ends it, as its caller can.
            let cancel: @Sendable () async throws -> Void
        }

        private static let target = BrokerTarget(key: "a")

        private static func request(_ kind: Kind, _ word: String, timeout: Duration? = nil) -> ExecRequest {
            ExecRequest(
                .shellLine(Array(ProcessTree.line(word).utf8)),
                timeout: timeout,
                terminal: kind == .terminal ? Terminal(TerminalSize(rows: 24, columns: 80)) : nil
            )
        }

        /// Nil: it ended before its tree stood.
        private static func start(
            _ kind: Kind,
            on connection: BrokerConnection,
            of broker: BrokerProcess,
            timeout: Duration? = nil
        ) async throws -> Standing? {
            let word = "marked-\(UUID().uuidString)"
            let request = request(kind, word, timeout: timeout)
            guard kind == .background else {
                let session = try connection.exec(request, on: target)
                var isReady = false
                while !isReady, let event = try await session.next() {
                    if case .standardOutput = event { isReady = true }
                }
                guard isReady, let tree = await ProcessTree.complete(word, of: broker.ready.pid) else { return nil }
                return Standing(
                    tree: tree,
                    end: {
                        while let event = try await session.next() {
                            if case .ended(let end) = event { return end }
                        }
                        return nil
                    },
                    cancel: { await session.cancel() }
                )
            }
            let command = try await connection.execDetached(request, on: target)
            guard case .output = try await command.attach().next(),
                let tree = await ProcessTree.complete(word, of: broker.ready.pid)
            else { return nil }
            return Standing(tree: tree, end: { try await command.wait() }, cancel: { try await command.kill() })
        }

        private func withBroker(_ body: (BrokerProcess, BrokerConnection, _ token: String) async throws -> Void)
            async throws
        {
            try await withScratchDirectory { directory in
                let limits = "limits: { drain_timeout: 100ms }\nexec: { grace: 100ms }\n"
                let orgs = try await OrgFile(orgs: ["acme"], in: directory, preamble: limits)
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--config", orgs.path])
                let token = try #require(orgs.tokens["acme"])
                do {
                    try await BrokerConnection.withConnection(
                        to: BrokerAddress(broker.ready.wire),
                        token: token
                    ) { connection in
                        // Elsewhere there is no namespace to look at.
                        if broker.ready.isolation == "bwrap" { try await body(broker, connection, token) }
                    }
                } catch {
                    _ = try? await broker.stop(SIGKILL)
                    throw error
                }
                // Of one that a test ended already: nothing happens.
                _ = try? await broker.stop(SIGTERM)
            }
        }

        // MARK: Causes

        @Test(arguments: Kind.allCases)
        func itsDeadline(kind: Kind) async throws {
            try await withBroker { broker, connection, _ in
                // However slow this machine is, at some length the tree stands before.
                var timeout = Duration.seconds(2)
                var standing = try await Self.start(kind, on: connection, of: broker, timeout: timeout)
                while standing == nil {
                    timeout *= 2
                    standing = try await Self.start(kind, on: connection, of: broker, timeout: timeout)
                }
                let end = try await standing?.end()
                #expect(standing?.tree.isGone == true)
                #expect(end?.outcome == .timedOut(after: timeout))
                #expect(end?.isTreeEmpty == true)
            }
        }

        @Test(arguments: Kind.allCases)
        func itsCaller(kind: Kind) async throws {
            try await withBroker { broker, connection, _ in
                let standing = try #require(try await Self.start(kind, on: connection, of: broker))
                try await standing.cancel()
                // One in the background is only told.
                if kind == .background { #expect(try await standing.end()?.outcome == .signaled(SIGKILL)) }
                #expect(standing.tree.isGone)
            }
        }

        @Test(arguments: [Kind.foreground, .terminal])
        func theDeathOfItsClient(kind: Kind) async throws {
            try await withBroker { broker, _, token in
                let word = "marked-\(UUID().uuidString)"
                let environment = broker.environment(token: token)
                let program = try BuiltProducts.program("agent-broker")
                let name = kind == .terminal ? "shell" : "exec"
                let arguments = [name, "--key", "a", "--", ProcessTree.line(word)]
                if kind == .terminal {
                    let user = try TerminalUser(program, arguments, environment: environment)
                    let pid = try await user.begin().pid
                    try await user.see("ready\r\n")
                    let tree = try #require(await ProcessTree.complete(word, of: broker.ready.pid))
                    kill(pid, SIGKILL)
                    #expect(await tree.waitUntilGone())
                    #expect(try await user.end().status == 128 + SIGKILL)
                } else {
                    let output = Pipe()
                    let client = try ChildProcess(program, arguments, environment: environment, outputPipe: output)
                    #expect(try await output.read(6) == Data("ready\n".utf8))
                    let tree = try #require(await ProcessTree.complete(word, of: broker.ready.pid))
                    client.send(SIGKILL)
                    #expect(await tree.waitUntilGone())
                    #expect(try await client.exit().status == 128 + SIGKILL)
                }
            }
        }

        @Test(arguments: [Kind.foreground, .terminal])
        func theResetOfItsConnection(kind: Kind) async throws {
            try await withBroker { broker, _, token in
                let word = "marked-\(UUID().uuidString)"
                let port = try #require(broker.ready.wire.split(separator: ":").last.flatMap { Int($0) })
                let client = try await RawWireClient.connect(to: .tcp(port: port))
                let request = Self.request(kind, word)
                let start = ExecStart(program: request.program, terminal: request.terminal)
                let hello = Hello(token: token, clientName: "cut")
                try await client.send(ClientFrame(id: 0, body: .hello(hello)))
                _ = try await client.next(of: 0)
                try await client.send(ClientFrame(id: 1, target: Target(key: "a"), body: .call(.execStart(start))))
                while let frame = try await client.next(of: 1) {
                    if case .reply(.execOutput) = frame.body { break }
                }
                let tree = try #require(await ProcessTree.complete(word, of: broker.ready.pid))
                try await client.reset()
                #expect(await tree.waitUntilGone())
            }
        }

        @Test(arguments: Kind.allCases)
        func theEndOfItsWorkspace(kind: Kind) async throws {
            try await withBroker { broker, connection, _ in
                let standing = try #require(try await Self.start(kind, on: connection, of: broker))
                #expect(try await connection.deleteWorkspace(key: "a", force: true))
                #expect(standing.tree.isGone)
                #expect(await standing.tree.waitUntilSandboxIsGone())
            }
        }

        @Test(arguments: Kind.allCases, [SIGTERM, SIGKILL])
        func theEndOfTheBroker(kind: Kind, signal: Int32) async throws {
            try await withBroker { broker, connection, _ in
                let standing = try #require(try await Self.start(kind, on: connection, of: broker))
                broker.process.send(signal)
                if signal == SIGTERM, kind != .background {
                    let error = await #expect(throws: BackendError.self) { try await standing.end() }
                    #expect(standing.tree.isGone)
                    #expect(error?.code == .shuttingDown)
                }
                #expect(await standing.tree.waitUntilGone())
                #expect(await standing.tree.waitUntilSandboxIsGone())
                let status = try await broker.process.exit().status
                #expect(status == (signal == SIGTERM ? 0 : 128 + signal))
            }
        }
    }
}
