import AgentBackend
import BrokerClient
import BrokerTestKit
import BrokerWire
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
                            let newcomer = Newcomer()
                            async let hellos = newcomer.sayHello(to: broker, until: isOver)
                            do {
                                defer { isOver.set() }
                                try await reload(file, with: newcomer, through: connections[2], of: broker)
                            }
                            #expect(try await hellos > 0)
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
            with newcomer: Newcomer,
            through ops: BrokerConnection,
            of broker: BrokerProcess
        ) async throws {
            for number in 0..<Self.reloads {
                var file = original
                file.lines = (0..<(number % 7)).map { "# line \($0)" } + ["pool: {max_entries: \(1000 + number)}"]
                file["acme"]?.lines = ["env: {ROUND: \"\(number)\"}"]
                let extra = "extra-\(number)"
                if number % 4 == 1 {
                    // Never seen before, and asked for from before it is there.
                    let tenant = try TenantConfiguration.Tenant(extra)
                    newcomer.token = tenant.token
                    file[extra] = tenant
                }
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
                    #expect(orgs.contains(extra) == (number % 4 == 1))
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

/// Says hello with the token of an org that is about to be added, again and again.
private final class Newcomer: Sendable {
    private let current = Mutex("")

    var token: String {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// Each is answered: the token is known, or not yet or not any more. Returns how many were welcome.
    func sayHello(to broker: BrokerProcess, until isOver: Flag) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try self.sayHello(to: broker.ready.wire, until: isOver) })
            }
        }
    }

    private func sayHello(to address: String, until isOver: Flag) throws -> Int {
        let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
        var sockets: [PlainSocket] = []
        var welcomes = 0
        while !isOver.isSet || !sockets.isEmpty {
            if !isOver.isSet {
                let socket = try PlainSocket(port: port)
                let hello = ClientFrame(id: 0, body: .hello(Hello(token: token, clientName: "")))
                try socket.send(RawWireClient.bytes(of: [hello]).readableBytesView)
                sockets.append(socket)
            }
            // A refusal takes its time, which nobody waits for while there are others.
            guard isOver.isSet || sockets.count == 100 else { continue }
            switch try sockets.removeFirst().next()?.body {
            case .helloReply: welcomes += 1
            case .goAway(let goAway): try #require(goAway.error?.code == .authFailed, "\(goAway)")
            case let other: Issue.record("\(String(describing: other))")
            }
        }
        return welcomes
    }
}
