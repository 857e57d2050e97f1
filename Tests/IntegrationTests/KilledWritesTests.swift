import AgentBackend
import BrokerClient
import Foundation
import NIOCore
import Synchronization
import Testing

extension IntegrationTests {
    /// A broker that is killed in the middle of writes leaves each file old or new, and nothing else.
    @Suite(.serialized, .timeLimit(.minutes(2))) struct KilledWritesTests {
        private static let target = BrokerTarget(key: "killed")
        private static let length = 512 << 10

        /// Who writes what. Each has written once before the broker is killed.
        private static let writers:
            [(file: String, write: @Sendable (String, BrokerConnection, Acknowledged) async throws -> Void)] = [
                ("whole-0", rewrite), ("whole-1", rewrite), ("streamed-0", stream), ("streamed-1", stream),
                ("copied", copy), ("uploaded", upload), ("counter", increment), ("counter", increment),
            ]

        @Test(arguments: [10, 23, 38, 61, 97])
        func everyFileIsOldOrNew(writes: Int) async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root"]
                let broker = try await BrokerProcess(arguments)
                let acknowledged = Acknowledged()
                try await Self.connected(to: broker) { connection in
                    let zero = ByteBuffer(repeating: 0, count: Self.length)
                    try await connection.write(WorkspacePath("source"), zero, on: Self.target)
                    try await connection.write(WorkspacePath("counter"), ByteBuffer(string: "0"), on: Self.target)
                }
                await withTaskGroup { group in
                    for (file, write) in Self.writers {
                        group.addTask {
                            // Ends with the connection, and that with the broker.
                            try? await Self.connected(to: broker) { connection in
                                while true { try await write(file, connection, acknowledged) }
                            }
                        }
                    }
                    group.addTask {
                        try? await Self.connected(to: broker) { connection in
                            while true { try await Self.expectWholeVersions(connection) }
                        }
                    }
                    await acknowledged.wait(for: writes, of: Set(Self.writers.map(\.file)))
                    broker.process.send(SIGKILL)
                }
                #expect(try await broker.process.exit().status == 128 + SIGKILL)

                let counts = acknowledged.counts
                let workspace = "\(directory)/root/v1/orgs/default/killed"
                let names = Set(try FileManager.default.contentsOfDirectory(atPath: workspace))
                #expect(names == Set(counts.keys).union(["source"]))
                for name in names.subtracting(["counter"]) {
                    let contents = try Data(contentsOf: URL(filePath: "\(workspace)/\(name)"))
                    #expect(contents.count == Self.length, "\(name)")
                    #expect(Set(contents).count == 1, "\(name) is a mix")
                    guard name != "source", name != "copied" else { continue }
                    // What was acknowledged is there, or what was on its way after that.
                    let last = counts[name] ?? 0
                    #expect(contents.first == UInt8(last % 251) || contents.first == UInt8((last + 1) % 251), "\(name)")
                }
                let counter = try #require(Int(String(contentsOfFile: "\(workspace)/counter", encoding: .utf8)))
                let last = counts["counter"] ?? 0
                #expect((last...last + 2).contains(counter))
                try await withBrokerProcess(arguments) { next in
                    #expect(next.holdings.temporaryFiles == 0)
                    try await Self.connected(to: next) { connection in
                        let read = try await connection.read(WorkspacePath("whole-0"), on: Self.target)
                        #expect(read.readableBytes == Self.length)
                        try await connection.write(WorkspacePath("whole-0"), ByteBuffer(), on: Self.target)
                    }
                }
            }
        }

        private static func connected(
            to broker: BrokerProcess,
            _ body: (BrokerConnection) async throws -> Void
        ) async throws {
            let token = try #require(broker.ready.token)
            try await BrokerConnection.withConnection(to: BrokerAddress(broker.ready.wire), token: token, body)
        }

        /// What is read while it is written is one version.
        private static func expectWholeVersions(_ connection: BrokerConnection) async throws {
            for file in ["whole-0", "streamed-0", "copied"] {
                do {
                    let contents = try await connection.read(WorkspacePath(file), on: target)
                    #expect(contents.readableBytes == length, "\(file)")
                    let first = contents.readableBytesView.first
                    #expect(contents.readableBytesView.allSatisfy { $0 == first }, "\(file) is a mix")
                } catch {
                    guard error.code == .notFound else { throw error }
                }
            }
        }

        /// The next version, of one byte over and over.
        private static func rewrite(_ file: String, _ connection: BrokerConnection, _ done: Acknowledged) async throws {
            let version = (done.counts[file] ?? 0) + 1
            let bytes = ByteBuffer(repeating: UInt8(version % 251), count: length)
            try await connection.write(WorkspacePath(file), bytes, on: target)
            done.add(file)
        }

        private static func stream(_ file: String, _ connection: BrokerConnection, _ done: Acknowledged) async throws {
            let version = (done.counts[file] ?? 0) + 1
            let pieces = AsyncStream<ByteBuffer> { continuation in
                for _ in 0..<8 {
                    continuation.yield(ByteBuffer(repeating: UInt8(version % 251), count: length / 8))
                }
                continuation.finish()
            }
            try await connection.write(WorkspacePath(file), contents: pieces, on: target)
            done.add(file)
        }

        private static func upload(_ file: String, _ connection: BrokerConnection, _ done: Acknowledged) async throws {
            let version = (done.counts[file] ?? 0) + 1
            let piece = ByteBuffer(repeating: UInt8(version % 251), count: length / 8)
            try await connection.upload(WorkspacePath(file), name: "v\(version)", on: target) { offset in
                offset < length ? piece : nil
            }
            done.add(file)
        }

        private static func copy(_ file: String, _ connection: BrokerConnection, _ done: Acknowledged) async throws {
            try await connection.copy(WorkspacePath("source"), to: WorkspacePath(file), on: target)
            done.add(file)
        }

        /// One more than was read, where nobody else was faster.
        private static func increment(_ file: String, _ connection: BrokerConnection, _ done: Acknowledged) async throws
        {
            let reader = try await connection.openReader(WorkspacePath(file), on: target)
            let etag = reader.info.etag
            let count = try #require(Int(String(buffer: try await reader.collect(maximum: 100))))
            do {
                let options = WriteOptions(expectedEtag: etag)
                let next = ByteBuffer(string: "\(count + 1)")
                try await connection.write(WorkspacePath(file), next, options: options, on: target)
                done.add(file)
            } catch {
                guard error.code == .conflict else { throw error }
            }
        }
    }
}

/// How often each file was written, as far as the broker has said so.
private final class Acknowledged: Sendable {
    private let state = Mutex<[String: Int]>([:])
    private let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    var counts: [String: Int] { state.withLock { $0 } }

    func add(_ file: String) {
        state.withLock { $0[file, default: 0] += 1 }
        change.yield()
    }

    /// Returns when there were so many, of each file at least one. Once.
    func wait(for writes: Int, of files: Set<String>) async {
        for await _ in changes {
            let counts = counts
            if counts.values.reduce(0, +) >= writes, files.isSubset(of: counts.keys) { return }
        }
    }
}
