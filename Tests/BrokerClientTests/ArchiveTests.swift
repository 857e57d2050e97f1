import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// Archives whose connection is lost, and whose reader is slow, of a real broker.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ArchiveTests {
    private static let types = [BackendType.memory, .localFilesystem]
    private static let size = 24 << 20

    private func withBackend<Value>(
        _ broker: InProcessBroker,
        _ type: BackendType,
        _ body: (RemoteFilesystemBackend) async throws -> Value
    ) async throws -> Value {
        let configuration = RemoteFilesystemBackend.Configuration(
            address: .tcp(host: "127.0.0.1", port: UInt16(broker.port)),
            token: broker.token(),
            target: BrokerTarget(backend: type, key: "k")
        )
        return try await RemoteFilesystemBackend.withBackend(configuration, body)
    }

    private func fill(_ backend: RemoteFilesystemBackend) async throws {
        for name in ["a", "b", "c"] {
            try await backend.write(
                WorkspacePath("tree/\(name)"),
                ByteBuffer(repeating: UInt8(ascii: "x"), count: Self.size / 3),
                options: WriteOptions()
            )
        }
    }

    private func readAll(_ reader: any ArchiveReader) async throws -> ByteBuffer {
        var archive = ByteBuffer()
        while let piece = try await reader.read(upTo: 1 << 20) { archive.writeImmutableBuffer(piece) }
        return archive
    }

    /// Nothing is under way any more but the question.
    private func waitUntilIdle(_ broker: InProcessBroker) async throws {
        let address = try BrokerAddress("127.0.0.1:\(broker.port)")
        try await BrokerConnection.withConnection(to: address, token: broker.token()) { connection in
            while true {
                let stats = try await connection.stats()
                if stats.callsInFlight == 0, stats.connections == 1 { return }
                await Task.yield()
            }
        }
    }

    @Test(arguments: types)
    func aSenderThatIsLostLeavesNothing(type: BackendType) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            let archive = try await withBackend(broker, type) { backend in
                try await fill(backend)
                return try await readAll(
                    try await backend.openArchive(WorkspacePath("tree"), options: ArchiveOptions())
                )
            }
            for part in [1, archive.readableBytes / 2, archive.readableBytes - 1] {
                try await withBackend(broker, type) { backend in
                    let writer = try await backend.openExtraction(into: WorkspacePath("out"), options: ExtractOptions())
                    try await writer.write(archive.getSlice(at: archive.readerIndex, length: part) ?? ByteBuffer())
                }
                try await waitUntilIdle(broker)
                #expect(broker.temporaryFiles() == [])
                try await withBackend(broker, type) { backend in
                    let isThere = try await backend.exists(WorkspacePath("out"))
                    #expect(!isThere, "\(part)")
                }
            }
            try await withBackend(broker, type) { backend in
                let writer = try await backend.openExtraction(into: WorkspacePath("out"), options: ExtractOptions())
                try await writer.write(archive)
                let result = try await writer.commit()
                #expect(result.files == 3 && result.bytes == UInt64(Self.size))
            }
        }
    }

    @Test(arguments: types)
    func aReaderThatIsLostHoldsNothing(type: BackendType) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            try await withBackend(broker, type) { backend in
                try await fill(backend)
                let reader = try await backend.openArchive(WorkspacePath("tree"), options: ArchiveOptions())
                #expect(try await reader.read(upTo: 1000) != nil)
            }
            try await waitUntilIdle(broker)
        }
    }

    /// It is sent no more than it has room for, and others are answered meanwhile.
    @Test(arguments: types)
    func aSlowReaderHoldsUpNobody(type: BackendType) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            try await withBackend(broker, type) { backend in
                try await fill(backend)
                let reader = try await backend.openArchive(WorkspacePath("tree"), options: ArchiveOptions())
                let first = try #require(try await reader.read(upTo: 1000))
                try await withBackend(broker, type) { other in
                    for number in 0..<200 {
                        let path = try WorkspacePath("f\(number)")
                        try await other.write(path, ByteBuffer(string: "\(number)"), options: WriteOptions())
                        #expect(try await other.exists(path))
                    }
                }
                let address = try BrokerAddress("127.0.0.1:\(broker.port)")
                try await BrokerConnection.withConnection(to: address, token: broker.token()) { connection in
                    var sent: [UInt64] = []
                    for try await info in connection.connections() { sent.append(info.bytesOut) }
                    #expect(sent.allSatisfy { $0 < 4 << 20 }, "\(sent)")
                }
                var archive = first
                archive.writeImmutableBuffer(try await readAll(reader))
                #expect(archive.readableBytes > Self.size && reader.summary.bytes == UInt64(Self.size))
            }
        }
    }
}
