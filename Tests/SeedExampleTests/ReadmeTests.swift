import AgentBackend
import BackendPool
import BrokerClient
import BrokerTestKit
import LocalBackend
import Testing

/// The Swift of the README.
@Suite struct ReadmeTests {
    @Test func inProcess() async throws {
        try await withLocalRuntime { runtime, directory in
            let backend = try LocalFilesystemBackend(.init(rootDirectory: "\(directory)/agents"), runtime: runtime)
            let log = ArrayOperationsLogger()
            let user = try backend.scope(
                "users/7",
                configuration: ScopeConfiguration(
                    environment: try Environment(["NAME": "agent"]),
                    operationsLogger: log
                )
            )
            try await user.write("script.py", "import os; print('hello', os.environ['NAME'])")
            #expect(try await user.exec("python3 script.py") == "hello agent\n")
            let version = try await user.stat("script.py").etag
            try await user.write("script.py", "print(1)", options: WriteOptions(expectedEtag: version))
            #expect(log.records().map(\.operation) == ["write", "exec", "write"])
            let late = await #expect(throws: BackendError.self) {
                try await user.write("script.py", "print(2)", options: WriteOptions(expectedEtag: version))
            }
            #expect(late?.code == .conflict)
            #expect(late?.currentEtag != version)
            await backend.destroy()
        }
    }

    @Test func overTheWire() async throws {
        try await withBroker { broker in
            let configuration = RemoteFilesystemBackend.Configuration(
                address: try BrokerAddress("127.0.0.1:\(broker.port)"),
                token: broker.token(),
                target: BrokerTarget(key: "agent-7")
            )
            try await RemoteFilesystemBackend.withBackend(configuration) { backend in
                try await backend.write("notes.txt", "hello")
                #expect(try await backend.exec("wc -c notes.txt") == "5 notes.txt\n")
            }
        }
    }

    @Test func pool() async throws {
        let pool = try AnyBackendPool { key, _ in MemoryBackend() }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { _ = await pool.run() }
            try await pool.withBackend(PoolKey(name: "agent-7")) { backend in try await backend.write("visits", "1") }
            pool.triggerGracefulShutdown(deadline: .seconds(30))
        }
        #expect(pool.drainReport?.destroyed == 1)
    }
}
