import AgentBackend
import AuditLog
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// The audit log of a broker that runs, or was killed, as the command reads it.
    @Suite(.serialized, .timeLimit(.minutes(2))) struct AuditTests {
        private static let lines = [
            "audit:", "  enabled: true", "  max_file_bytes: 64KiB", "  max_files: 100", "  max_records_unsigned: 50",
        ]

        private func audit(_ directory: String, _ arguments: String...) async throws -> ChildProcess.Result {
            try await ChildProcess(
                BuiltProducts.program("agent-broker"),
                ["audit"] + arguments + ["--root", "\(directory)/root"],
                environment: ["PATH": "/usr/bin:/bin"]
            ).exit()
        }

        @Test(arguments: ["gap", "refuse"])
        func aBrokerThatIsKilledLeavesALogThatIsWhole(_ policy: String) async throws {
            try await withScratchDirectory { directory in
                let lines = Self.lines + ["  on_failure: \(policy)"]
                let configuration = try TenantConfiguration(
                    in: directory,
                    .init("acme"),
                    .init("umbrella"),
                    lines: lines
                )
                let arguments = ["--root", "\(directory)/root", "--config", configuration.path]
                let broker = try await BrokerProcess(arguments)
                let tokens = try ["acme", "umbrella"].map { try #require(configuration[$0]).token }
                let answered = Answered()
                await withTaskGroup { group in
                    for (index, token) in (tokens + tokens).enumerated() {
                        group.addTask {
                            // Ends with the broker.
                            try? await BrokerConnection.withConnection(
                                to: BrokerAddress(broker.ready.wire),
                                token: token
                            ) {
                                for number in 1... {
                                    let path = try WorkspacePath("\(index)-\(number)")
                                    _ = try await $0.write(path, ByteBuffer(string: "x"), on: BrokerTarget(key: "k"))
                                    await answered.add("\(index)-\(number)")
                                }
                            }
                        }
                    }
                    await answered.wait(for: 600)
                    broker.process.send(SIGKILL)
                }
                #expect(try await broker.process.exit().status == 128 + SIGKILL)
                #expect(try await audit(directory, "verify").status == 0)

                // The next one goes on with it.
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(tokens[0]) { connections in
                        _ = try await connections[0].write(
                            WorkspacePath("later"),
                            ByteBuffer(),
                            on: BrokerTarget(key: "k")
                        )
                    }
                }
                let verified = try await audit(directory, "verify", "--json")
                #expect(verified.status == 0, "\(verified)")
                let found = try await audit(directory, "query", "--json", "--all", "--limit", "100000")
                if policy == "refuse" {
                    for path in await answered.all { #expect(found.text.contains("\"subject\":\"\(path)\"")) }
                }
                #expect(found.text.contains("\"subject\":\"later\""))

                // One byte of it.
                let log = "\(directory)/root/audit/orgs/acme"
                let name = try #require(FileManager.default.contentsOfDirectory(atPath: log).sorted().first)
                var bytes = try Data(contentsOf: URL(filePath: "\(log)/\(name)"))
                let end = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
                let place = try #require(bytes[end...].firstRange(of: Data("write".utf8))).lowerBound
                bytes[place] = UInt8(ascii: "W")
                try bytes.write(to: URL(filePath: "\(log)/\(name)"))
                let faulty = try await audit(directory, "verify", "--org", "acme")
                #expect(faulty.status == 1)
                #expect(faulty.text.contains("FAULT  acme/\(name):2 (record 2): was changed"), "\(faulty)")
            }
        }

        /// What was answered.
        private actor Answered {
            private(set) var all: [String] = []
            private var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?

            func add(_ path: String) {
                all.append(path)
                guard let waiter, all.count >= waiter.count else { return }
                self.waiter = nil
                waiter.continuation.resume()
            }

            func wait(for count: Int) async {
                guard all.count < count else { return }
                await withCheckedContinuation { waiter = (count, $0) }
            }
        }
    }
}
