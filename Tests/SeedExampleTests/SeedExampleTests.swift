import AgentBackend
import BackendPool
import BrokerClient
import BrokerTestKit
import Foundation
import LocalBackend
import NIOCore
import Synchronization
import Testing

/// The examples of the seed's documentation, in its order.
@Suite struct SeedExampleTests {
    /// "Environment Variables": a scope's apply to all of its commands, an inner scope's go over them, a call's over all.
    @Test(arguments: SeedBackend.withCommands)
    func environmentVariables(_ kind: SeedBackend) async throws {
        try await kind.run { backend in
            let scoped = try backend.scope(
                "projects/my-app",
                configuration: ScopeConfiguration(
                    environment: try Environment([
                        "PYTHONPATH": "/workspace/lib", "API_KEY": "secret", "DATABASE_URL": "postgres://db",
                    ])
                )
            )
            let print = "echo $PYTHONPATH $API_KEY $DATABASE_URL"
            #expect(try await scoped.exec(print) == "/workspace/lib secret postgres://db\n")
            try await scoped.write("lib/greeting.py", "text = 'imported'")
            #expect(try await scoped.exec("python3 -c 'import greeting; print(greeting.text)'") == "imported\n")
            let inner = try scoped.scope(
                "inner",
                configuration: ScopeConfiguration(environment: try Environment(["API_KEY": "other"]))
            )
            #expect(try await inner.exec("echo $API_KEY $DATABASE_URL") == "other postgres://db\n")
            #expect(
                try await inner.exec("echo $API_KEY", environment: try Environment(["API_KEY": "third"])) == "third\n"
            )
            #expect(try await backend.exec("echo [$API_KEY]") == "[]\n")
            // Nothing of this process's own.
            #expect(try await backend.exec("env | grep -c AGENT_BROKER; true") == "0\n")
            #expect(inner.type == backend.type)
            #expect(
                backend.listActiveScopes().map(\.description) == [
                    "/workspace/projects/my-app", "/workspace/projects/my-app/inner",
                ]
            )
        }
    }

    /// "Operations Logging": `[AgentBackend] exec: pip install -r requirements.txt`.
    @Test(arguments: SeedBackend.withCommands)
    func operationsLogging(_ kind: SeedBackend) async throws {
        let lines = Mutex<[String]>([])
        let console = ConsoleOperationsLogger { line in lines.withLock { $0.append(line) } }
        let array = ArrayOperationsLogger()
        try await kind.run { backend in
            let scoped = try backend.scope(
                "project",
                configuration: ScopeConfiguration(
                    environment: try Environment(["API_KEY": "hush-hush"]),
                    operationsLogger: FanOutOperationsLogger([console, array])
                )
            )
            try await scoped.write("requirements.txt", "")
            try await scoped.exec("cat requirements.txt; echo done with $API_KEY")
            _ = try await scoped.readText("requirements.txt")
            _ = try? await scoped.exec("exit 3")
        }
        await console.close()
        #expect(lines.withLock { $0 }.contains { $0.contains("[AgentBackend] exec: cat requirements.txt") })
        // Reading changes nothing, and is not among them.
        #expect(array.records().map(\.operation) == ["write", "exec", "exec"])
        let commands = array.records(matching: OperationsQuery(operation: "exec"))
        #expect(commands.map(\.exitCode) == [0, 3])
        #expect(commands.map(\.scope) == ["project", "project"])
        #expect(commands.map { String(decoding: $0.standardOutput, as: UTF8.self) } == ["done with ***\n", ""])
    }

    @Test func verboseLoggingHasReadsToo() async throws {
        let array = ArrayOperationsLogger()
        try await SeedBackend.memory.run { backend in
            let scoped = try backend.scope(
                "project",
                configuration: ScopeConfiguration(operationsLogger: array, logMode: .verbose)
            )
            try await scoped.write("a", "1")
            _ = try await scoped.readText("a")
            _ = try? await scoped.readText("b")
        }
        #expect(array.records().map(\.operation) == ["write", "read", "read"])
        #expect(array.records(matching: OperationsQuery(outcome: .failed)).map(\.failure) == [.keyNotFound])
    }

    /// "Binary Data"
    @Test(arguments: SeedBackend.withCommands)
    func binaryData(_ kind: SeedBackend) async throws {
        try await kind.run { backend in
            let image = ByteBuffer(bytes: (0...255).map { UInt8($0) })
            try await backend.write("logo.png", image)
            #expect(try await backend.read("logo.png") == image)
            let notText = await #expect(throws: BackendError.self) { try await backend.readText("logo.png") }
            #expect(notText?.code == .readFailed)
            #expect(notText?.reason == .notText)
            let archive = try await backend.execBytes("tar -czf - .")
            #expect(archive.readableBytesView.starts(with: [0x1f, 0x8b]))
            #expect(try await backend.execBytes("cat logo.png") == image)
            #expect(try await backend.execBytes("cat", input: image) == image)
        }
    }

    /// "Timeouts": of an operation, and how much output is kept.
    @Test(arguments: SeedBackend.withCommands)
    func timeoutsAndOutput(_ kind: SeedBackend) async throws {
        try await kind.run { backend in
            let late = await #expect(throws: BackendError.self) {
                try await backend.exec("echo begun; sleep 600", timeout: .milliseconds(200))
            }
            #expect(late?.code == .execFailed)
            let result = (late?.cause as? CommandFailure)?.result
            #expect(result?.end.outcome == .timedOut(after: .milliseconds(200)))
            let long = try await backend.run(
                ExecRequest(.shellLine(Array("seq 1 100000".utf8))),
                maximumOutputLength: 20
            )
            let kept = String(buffer: long.standardOutput)
            #expect(kept.hasPrefix("1\n2\n") && kept.hasSuffix("100000\n"))
            #expect(kept.contains("of 588895 bytes left out"))
            #expect(long.standardOutputCount == 588_895)
        }
    }

    @Test func aRemoteOperationHasATimeout() async throws {
        try await withBroker { broker in
            let backend = try broker.remoteBackend(key: "seed") { $0.operationTimeout = .milliseconds(300) }
            let late = await #expect(throws: BackendError.self) { try await backend.exec("sleep 600") }
            #expect(late?.code == .deadlineExceeded)
            await backend.destroy()
        }
    }

    /// "Backend Connection Pooling": by key, with idle cleanup and graceful shutdown.
    @Test func pooling() async throws {
        try await withLocalRuntime { runtime, directory in
            let pool = try AnyBackendPool { key, _ in
                try LocalFilesystemBackend(
                    .init(rootDirectory: "\(directory)/\(key.name ?? "fresh")"),
                    runtime: runtime
                )
            }
            let report = try await withThrowingTaskGroup(of: DrainReport.self) { group in
                group.addTask { await pool.run() }
                for number in 1...3 {
                    try await pool.withBackend(PoolKey(name: "user-7")) { backend in
                        try await backend.write("visits", "\(number)")
                    }
                }
                let visits = try await pool.withBackend(PoolKey(name: "user-7")) { try await $0.readText("visits") }
                #expect(visits == "3")
                #expect(pool.statistics().creations == 1)
                #expect(pool.statistics().hits == 3)
                #expect(pool.statistics().idle == 1)
                pool.triggerGracefulShutdown(deadline: .seconds(30))
                return try await group.next() ?? DrainReport()
            }
            #expect(report.destroyed == 1)
            // Files outlive their backend.
            #expect(FileManager.default.fileExists(atPath: "\(directory)/user-7/visits"))
        }
    }

    /// "Code Execution Sandbox"
    @Test(arguments: SeedBackend.withCommands)
    func codeExecutionSandbox(_ kind: SeedBackend) async throws {
        try await kind.run { sandbox in
            let user = try sandbox.scope("users/7")
            try await user.write("script.py", "import os; print(sorted(os.listdir('/workspace')), os.getuid() != 0)")
            #expect(try await user.exec("python3 script.py") == "['script.py'] True\n")
            try await sandbox.write("users/8/secret", "8's")
            // A scope is all that its commands see.
            await #expect(throws: BackendError.self) { try await user.exec("cat /workspace/../8/secret ../8/secret") }
        }
    }

    /// "Multi-tenant SaaS": a backend per organization, a scope per user.
    @Test func multiTenant() async throws {
        try await withBroker(orgs: ["org1", "org2"]) { broker in
            let backends = try ["org1", "org2"].map { try broker.remoteBackend(of: $0, key: "saas") }
            for (index, backend) in backends.enumerated() {
                for user in ["user1", "user2"] {
                    try await backend.scope("users/\(user)").write("name", "org\(index + 1) \(user)")
                }
            }
            let first = try backends[0].scope("users/user1")
            #expect(try await first.exec("cat name; ls -A /workspace | wc -l") == "org1 user11\n")
            #expect(try await backends[1].exec("cat users/*/name") == "org2 user1org2 user2")
            for backend in backends { await backend.destroy() }
        }
    }

    /// "Agent State Management"
    @Test(arguments: [SeedBackend.memory, .remoteMemory])
    func agentState(_ kind: SeedBackend) async throws {
        try await kind.run { state in
            try await state.write("agents/agent1/current-task", "building")
            try await state.write("agents/agent1/progress", "50%")
            try await state.write("agents-old/x", "")
            #expect(try await state.listKeys("agents/") == ["agents/agent1/current-task", "agents/agent1/progress"])
            #expect(try await state.readText("agents/agent1/progress") == "50%")
            #expect(try await state.deleteKey(try WorkspacePath("agents/agent1/progress")))
            #expect(try await state.clearKeys() == 2)
            #expect(try await state.listKeys() == [])
        }
    }

    /// "Error Handling"
    @Test(arguments: SeedBackend.withCommands)
    func errorHandling(_ kind: SeedBackend) async throws {
        try await kind.run { backend in
            let dangerous = await #expect(throws: BackendError.self) { try await backend.exec("rm -rf /") }
            #expect(dangerous?.code == .dangerousOperation)
            #expect(dangerous?.message.contains("rm -rf /") == true)
            let escape = await #expect(throws: BackendError.self) { try await backend.readText("../../etc/passwd") }
            #expect(escape?.code == .pathEscapeAttempt)
            let failed = await #expect(throws: BackendError.self) { try await backend.exec("echo why >&2; exit 7") }
            #expect(failed?.code == .execFailed)
            #expect(failed?.message.contains("why") == true)
            #expect((failed?.cause as? CommandFailure)?.result.exitCode == 7)
            let missing = await #expect(throws: BackendError.self) { try await backend.readText("missing") }
            #expect(missing?.code == .readFailed)
            #expect(missing?.reason == .notFound)
            let empty = await #expect(throws: BackendError.self) { try await backend.exec("  ") }
            #expect(empty?.code == .emptyCommand)
        }
    }

    /// "Gotchas"
    @Test(arguments: [SeedBackend.memory, .remoteMemory])
    func memoryRunsNoCommands(_ kind: SeedBackend) async throws {
        try await kind.run { backend in
            let refused = await #expect(throws: BackendError.self) { try await backend.exec("true") }
            #expect(refused?.code == .notImplemented)
        }
    }

    @Test func namesOfTypesAndModes() {
        #expect(BackendType.allCases.map(\.rawValue) == ["local-filesystem", "memory", "remote-filesystem"])
        #expect(IsolationMode(rawValue: "auto") == .auto)
        #expect(IsolationMode(rawValue: "none") == IsolationMode.none)
    }

    /// A scope delegates what is to be closed, and destroy closes it before it tears the backend down.
    @Test(arguments: SeedBackend.allCases)
    func closeablesAreClosedFirst(_ kind: SeedBackend) async throws {
        final class Client: BackendCloseable {
            let backend: any Backend
            let seen = Mutex<[BackendStatus]>([])

            init(_ backend: any Backend) {
                self.backend = backend
            }

            func close() async throws {
                seen.withLock { $0.append(backend.status) }
                throw BackendError(.internal, message: "what a closeable throws is no matter")
            }
        }
        try await kind.run { backend in
            try await backend.write("a", "connected")
            let scope = try backend.scope("scope")
            let client = Client(backend)
            await scope.trackCloseable(client)
            await scope.destroy()
            #expect(client.seen.withLock { $0 } == [])
            await backend.destroy()
            await backend.destroy()
            #expect(client.seen.withLock { $0 } == [.connected])
            let late = await #expect(throws: BackendError.self) { try await backend.readText("a") }
            #expect(late?.code == .backendDestroyed)
        }
    }
}
