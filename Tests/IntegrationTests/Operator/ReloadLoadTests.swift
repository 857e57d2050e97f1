import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

extension IntegrationTests {
    /// A thousand reloads, half of them of broken files, while callers work.
    @Suite
    struct ReloadLoadTests {
        private static let reloads = 1000

        @Test(.timeLimit(.minutes(5)))
        func noCallIsDropped() async throws {
            try await withScratchDirectory { directory in
                let file = try TenantConfiguration(in: directory, .init("acme"), .init("umbrella"))
                let tokens = try ["acme", "umbrella"].map { try #require(file[$0]).token }
                try await withBrokerProcess(by: file) { broker in
                    let isOver = Flag()
                    try await broker.withConnections(tokens[0], tokens[1], file.operatorToken) { connections in
                        try await withThrowingTaskGroup(of: Int.self) { group in
                            for number in 0..<8 {
                                group.addTask { try await call(connections[number % 2], number, until: isOver) }
                            }
                            do {
                                defer { isOver.set() }
                                try await reload(file, through: connections[2], of: broker)
                            }
                            var calls = 0
                            for try await count in group {
                                #expect(count > 0)
                                calls += count
                            }
                            let stats = try await connections[2].stats()
                            #expect(stats.callsFailed == UInt64(Self.reloads / 2), "of \(calls) calls")
                        }
                    }
                }
            }
        }

        /// Each with another mistake in another line, or with other limits and an org more or less.
        private func reload(
            _ original: TenantConfiguration,
            through ops: BrokerConnection,
            of broker: BrokerProcess
        ) async throws {
            let extra = try TenantConfiguration.Tenant("extra")
            for number in 0..<Self.reloads {
                var file = original
                file.lines = (0..<(number % 7)).map { "# line \($0)" } + ["pool: {max_entries: \(1000 + number)}"]
                file["acme"]?.lines = ["env: {ROUND: \"\(number)\"}"]
                if number % 4 == 1 { file["extra"] = extra }
                if number % 2 == 0 {
                    let mistakes = ["limits: {max_connections: many}", "nonsense: 1", "listen: [\"127.0.0.1:1\"]"]
                    try file.save(mistake: mistakes[number / 2 % mistakes.count])
                    let error = await failure { _ = try await ops.reload() }
                    #expect(error?.code == .invalidConfiguration)
                    #expect(
                        error?.message.contains("broker.yaml:\(file.mistakenLine):") == true,
                        "\(error?.message ?? "")"
                    )
                } else {
                    try file.save()
                    // Of two the second may find nothing left to do.
                    if number % 10 == 1 { broker.process.send(SIGHUP) }
                    _ = try await ops.reload()
                    let orgs = try await ops.pools().reduce(into: []) { $0.append($1.org) }
                    #expect(orgs.contains("extra") == (number % 4 == 1))
                }
            }
        }

        /// Returns how many calls there were, all of them answered as they should be.
        private func call(
            _ connection: BrokerConnection,
            _ number: Int,
            until isOver: Flag
        ) async throws -> Int {
            let target = BrokerTarget(backend: number % 4 < 2 ? .localFilesystem : .memory, key: "key-\(number)")
            let path = try WorkspacePath("file")
            var count = 0
            while !isOver.isSet {
                let bytes = ByteBuffer(string: "\(number) \(count)")
                try await connection.write(path, bytes, on: target)
                try #require(try await connection.read(path, on: target) == bytes)
                if count % 100 == 0, target.backend == .localFilesystem {
                    let result = try await connection.run(ExecRequest(.shellLine(Array("cat file".utf8))), on: target)
                    try #require(result.standardOutput == bytes)
                }
                count += 1
            }
            return count
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
