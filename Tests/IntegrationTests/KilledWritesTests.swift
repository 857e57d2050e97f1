import AgentBackend
import BrokerClient
import Foundation
import NIOCore
import Testing

extension IntegrationTests {
    /// A broker that is killed in the middle of writes leaves each file old or new, and nothing else.
    @Suite(.serialized, .timeLimit(.minutes(2))) struct KilledWritesTests {
        private static let files = 4
        private static let length = 512 << 10

        @Test(arguments: 0..<5)
        func everyFileIsOldOrNew(round: Int) async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root"]
                let broker = try await BrokerProcess(arguments)
                await withTaskGroup { group in
                    for file in 0..<Self.files {
                        group.addTask { await Self.rewrite(file, on: broker) }
                    }
                    // Writes are under way in all of them, at a point that differs from round to round.
                    for _ in 0...round {
                        _ = try? await broker.client("write", "--key", "other", "file", input: Data("x".utf8))
                    }
                    broker.process.send(SIGKILL)
                }
                #expect(try await broker.process.exit().status == 128 + SIGKILL)

                let workspace = "\(directory)/root/v1/orgs/default/killed"
                let names = try FileManager.default.contentsOfDirectory(atPath: workspace)
                #expect(!names.isEmpty)
                for name in names {
                    let contents = try Data(contentsOf: URL(filePath: "\(workspace)/\(name)"))
                    #expect(contents.count == Self.length, "\(name)")
                    #expect(Set(contents).count == 1, "\(name) is a mix")
                }
                try await withBrokerProcess(arguments) { next in
                    #expect(next.holdings.temporaryFiles == 0)
                    let read = try await next.client("read", "--key", "killed", names.sorted()[0])
                    #expect(read.status == 0)
                    #expect(read.output.count == Self.length)
                }
            }
        }

        /// Writes versions of a file, each of one byte over and over, until the broker is gone.
        private static func rewrite(_ file: Int, on broker: BrokerProcess) async {
            let target = BrokerTarget(key: "killed")
            try? await BrokerConnection.withConnection(
                to: BrokerAddress(broker.ready.wire),
                token: broker.ready.token ?? ""
            ) { connection in
                for version in 0..<100_000 {
                    let bytes = ByteBuffer(repeating: UInt8(version % 251), count: length)
                    try await connection.write(WorkspacePath("file-\(file)"), bytes, on: target)
                }
            }
        }
    }
}
