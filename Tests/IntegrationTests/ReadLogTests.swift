import AgentBackend
import BrokerClient
import Foundation
import NIOCore
import Testing

extension IntegrationTests {
    @Suite
    struct ReadLogTests {
        /// Also one that is made once more, because there was no credit for its answer at first.
        @Test(.timeLimit(.minutes(1)))
        func eachReadIsLoggedOnce() async throws {
            try await withScratchDirectory { directory in
                let preamble = """
                    limits: {stream_window_bytes: 64KiB, connection_window_bytes: 64KiB}
                    log: {operations: verbose}

                    """
                let orgs = try await OrgFile(orgs: ["acme"], in: directory, preamble: preamble)
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--config", orgs.path])
                let token = try #require(orgs.tokens["acme"])
                let address = try BrokerAddress(broker.ready.wire)
                try await BrokerConnection.withConnection(to: address, token: token) { connection in
                    let (path, target) = (try WorkspacePath("file"), BrokerTarget(key: "k"))
                    try await connection.write(path, ByteBuffer(repeating: 1, count: 50 << 10), on: target)
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        for _ in 0..<20 {
                            group.addTask { try await connection.read(path, on: target).readableBytes }
                        }
                        for try await count in group { #expect(count == 50 << 10) }
                    }
                }
                let result = try await broker.stop()
                let reads = result.errorText.split(separator: "\n").filter { $0.contains("\"operation\":\"read\"") }
                #expect(reads.count == 20, "\(result)")
            }
        }
    }
}
