import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

/// What a broker holds and runs, and how it is ended from outside, over real sockets and with real processes.
@Suite(.timeLimit(.minutes(1))) struct OperatingTests {
    private let target = BrokerTarget(key: "k")

    /// Connections of one org, of another, of an operator, and of tokens of the first org that may less.
    private struct Clients {
        let acme: BrokerConnection
        let other: BrokerConnection
        let ops: BrokerConnection
        let narrow: BrokerConnection
        let reader: BrokerConnection
    }

    private func withClients(_ body: (Clients) async throws -> Void) async throws {
        let (ops, narrow, reader) = (Token.generate(), Token.generate(), Token.generate())
        try await withBroker(orgs: ["acme", "other"]) { configuration in
            configuration.limits.drainTimeout = .zero
            configuration.orgs[0].tokens += [
                TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator),
                TokenRecord(
                    id: narrow.id,
                    name: "narrow",
                    hash: narrow.hash,
                    keyPatterns: [KeyPattern("own-*")].compactMap { $0 }
                ),
                TokenRecord(id: reader.id, name: "reader", hash: reader.hash, isReadOnly: true),
            ]
        } _: { broker in
            var connections: [BrokerConnection] = []
            for token in [broker.token(of: "acme"), broker.token(of: "other"), ops.text, narrow.text, reader.text] {
                let address = try BrokerAddress("127.0.0.1:\(broker.port)")
                connections.append(try await BrokerConnection.connect(to: address, token: token))
            }
            try await body(
                Clients(
                    acme: connections[0],
                    other: connections[1],
                    ops: connections[2],
                    narrow: connections[3],
                    reader: connections[4]
                )
            )
            for connection in connections { await connection.close() }
        }
    }

    private func shell(_ line: String, environment: Environment = Environment()) -> ExecRequest {
        ExecRequest(.shellLine(Array(line.utf8)), environment: environment)
    }

    private func code(_ body: () async throws -> Void) async throws -> BackendError.Code? {
        do {
            try await body()
            return nil
        } catch let error as BackendError {
            return error.code
        }
    }

    private func commands(_ connection: BrokerConnection, of org: String? = nil) async throws -> [BrokerCommandInfo] {
        try await connection.commands(of: org).reduce(into: []) { $0.append($1) }
    }

    private func entries(_ connection: BrokerConnection, of org: String? = nil) async throws -> [BrokerEntryInfo] {
        try await connection.entries(of: org).reduce(into: []) { $0.append($1) }
    }

    @Test func theTokenIsTold() async throws {
        try await withClients { clients in
            #expect(clients.ops.broker.isOperator && !clients.ops.broker.isReadOnly)
            #expect(!clients.reader.broker.isOperator && clients.reader.broker.isReadOnly)
            #expect(!clients.acme.broker.isOperator && !clients.acme.broker.isReadOnly)
        }
    }

    @Test func commandsOfForegroundAndBackgroundAreListedToThoseWhoMaySeeThem() async throws {
        try await withClients { clients in
            var environment = Environment()
            try environment.set(Array("SECRET".utf8), to: Array("hunter2hunter2".utf8))
            let line = "echo hunter2hunter2 > /dev/null; echo ready; echo abc >&2; sleep 1000"
            let background = try await clients.acme.execDetached(shell("sleep 1000"), on: target)
            try await clients.acme.withExec(shell(line, environment: environment), on: target) { session in
                var count = 0
                while count < 2, let event = try await session.next() {
                    if case .started = event { continue }
                    count += 1
                }
                let own = try await commands(clients.acme)
                #expect(own.map(\.isInBackground) == [true, false])
                #expect(own.first?.number == background.id)
                let foreground = try #require(own.last)
                #expect(foreground.org == "acme" && foreground.key == "k")
                #expect(!foreground.command.contains("hunter2") && foreground.command.hasPrefix("echo "))
                #expect(foreground.written == StreamOffsets(standardOutput: 6, standardError: 4))
                #expect(try await commands(clients.ops).map(\.number) == own.map(\.number))
                #expect(try await commands(clients.ops, of: "other").isEmpty)
                #expect(try await commands(clients.reader).count == 2)
                #expect(try await commands(clients.other).isEmpty)
                #expect(try await commands(clients.narrow).isEmpty)
                #expect(try await code { _ = try await commands(clients.other, of: "acme") } == .permissionDenied)
                #expect(try await code { _ = try await commands(clients.ops, of: "none") } == .notFound)
                #expect(try await entries(clients.acme).map(\.commandsRunning) == [2])
            }
            #expect(try await commands(clients.acme).map(\.number) == [background.id])
        }
    }

    @Test func aKillEndsACommandOfWhicheverConnection() async throws {
        try await withClients { clients in
            try await clients.acme.withExec(shell("echo ready; sleep 1000"), on: target) { session in
                while let event = try await session.next() {
                    if case .standardOutput = event { break }
                }
                let number = try #require(try await commands(clients.acme).first?.number)
                #expect(try await code { try await clients.other.killCommand(number) } == .notFound)
                #expect(try await code { try await clients.narrow.killCommand(number) } == .notFound)
                #expect(try await code { try await clients.reader.killCommand(number) } == .permissionDenied)
                #expect(try await code { try await clients.other.killCommand(number, in: "acme") } == .permissionDenied)
                #expect(try await code { try await clients.ops.killCommand(number) } == .invalidArgument)
                #expect(try await code { try await clients.ops.killCommand(number, in: "other") } == .notFound)
                try await clients.ops.killCommand(number, in: "acme")
                #expect(try await session.collect().end.outcome == .signaled(9))
                #expect(try await code { try await clients.ops.killCommand(number, in: "acme") } == .notFound)
            }
            let background = try await clients.acme.execDetached(shell("sleep 1000"), on: target)
            try await clients.acme.killCommand(background.id)
            #expect(try await background.wait().outcome == .signaled(9))
        }
    }

    /// What a token may no longer see it does not go on reading.
    @Test func aReaderWhoseTokenIsNarrowedIsCutOff() async throws {
        let (ops, agent) = (Token.generate(), Token.generate())
        try await withBroker { configuration in
            configuration.limits.drainTimeout = .zero
            configuration.orgs[0].tokens += [
                TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator),
                TokenRecord(id: agent.id, name: "agent", hash: agent.hash),
            ]
        } reloaded: { configuration in
            configuration.orgs[0].tokens.removeAll { $0.id == agent.id }
            configuration.orgs[0].tokens.append(
                TokenRecord(
                    id: agent.id,
                    name: "agent",
                    hash: agent.hash,
                    keyPatterns: [KeyPattern("own-*")].compactMap { $0 }
                )
            )
        } _: { broker in
            let address = try BrokerAddress("127.0.0.1:\(broker.port)")
            try await BrokerConnection.withConnection(to: address, token: agent.text) { connection in
                let line = "while :; do echo x; sleep 0.05; done"
                let command = try await connection.execDetached(shell(line), on: target)
                let output = try await command.attach()
                let followed = try await connection.follow(command.id, in: "acme")
                _ = try await output.next()
                _ = try await followed.next()
                try await BrokerConnection.withConnection(to: address, token: ops.text) { _ = try await $0.reload() }
                #expect(try await code { while try await output.next() != nil {} } == .permissionDenied)
                #expect(try await code { while try await followed.next() != nil {} } == .notFound)
            }
        }
    }

    @Test func entriesAreListedByOrgAndKey() async throws {
        try await withClients { clients in
            let path = try WorkspacePath("f")
            _ = try await clients.acme.write(path, ByteBuffer(repeating: 0x61, count: 100_000), on: target)
            let memory = BrokerTarget(backend: .memory, key: "m")
            _ = try await clients.acme.write(path, ByteBuffer(string: "abc"), on: memory)
            _ = try await clients.narrow.write(path, ByteBuffer(), on: BrokerTarget(key: "own-1"))
            _ = try await clients.other.write(path, ByteBuffer(), on: target)
            let own = try await entries(clients.acme)
            #expect(Set(own.map(\.key)) == ["k", "m", "own-1"])
            #expect(own.allSatisfy { $0.org == "acme" && $0.state == .idle && $0.leases == 0 })
            #expect(own.first { $0.key == "k" }?.bytes ?? 0 >= 100_000)
            #expect(own.first { $0.key == "m" }?.backend == .memory)
            #expect(own.first { $0.key == "m" }?.bytes ?? 0 >= 3)
            #expect(try await entries(clients.narrow).map(\.key) == ["own-1"])
            #expect(try await entries(clients.other).map(\.org) == ["other"])
            #expect(try await entries(clients.ops).count == 4)
            #expect(try await entries(clients.ops, of: "other").map(\.key) == ["k"])
            try await clients.acme.withLease(on: target) { _ in
                let entry = try await entries(clients.acme).first { $0.key == "k" }
                #expect(entry?.state == .leased && entry?.leases == 1 && entry?.idle == .zero)
            }
        }
    }

    @Test func aListGoesOnPageByPage() async throws {
        try await withClients { clients in
            let path = try WorkspacePath("f")
            for number in 0..<5 {
                _ = try await clients.acme.write(
                    path,
                    ByteBuffer(),
                    on: BrokerTarget(backend: .memory, key: "\(number)")
                )
            }
            var (after, keys, pages) = (UInt64(0), Set<String>(), 0)
            while true {
                let call = UnaryCall<EntryPage>(operation: .listEntries(ListEntries(after: after, limit: 2))) {
                    if case .entries(let page) = $0 { page } else { nil }
                }
                let page = try await clients.acme.perform(call, on: nil, call: BrokerCallOptions())
                keys.formUnion(page.entries.map(\.key))
                pages += 1
                guard page.isTruncated, let last = page.entries.last else { break }
                after = last.number
            }
            #expect(keys == ["0", "1", "2", "3", "4"])
            #expect(pages == 3)
        }
    }

    @Test func aDestroyedEntryEndsWhatRunsInItAndKeepsItsFiles() async throws {
        try await withClients { clients in
            let path = try WorkspacePath("f")
            _ = try await clients.acme.write(path, ByteBuffer(string: "abc"), on: target)
            let command = try await clients.acme.execDetached(shell("sleep 1000"), on: target)
            #expect(try await code { try await clients.reader.destroyEntry("k") } == .permissionDenied)
            #expect(try await code { try await clients.narrow.destroyEntry("k") } == .permissionDenied)
            #expect(try await code { try await clients.other.destroyEntry("k") } == .notFound)
            #expect(try await code { try await clients.ops.destroyEntry("k", in: "other") } == .notFound)
            #expect(try await code { try await clients.ops.destroyEntry("../k", in: "acme") } == .invalidArgument)
            try await clients.ops.destroyEntry("k", in: "acme")
            #expect(try await command.wait().outcome == .cancelled)
            #expect(try await clients.acme.read(path, on: target) == ByteBuffer(string: "abc"))
        }
    }

    @Test func outputIsFollowedByWhoeverMaySeeTheKey() async throws {
        try await withClients { clients in
            let command = try await clients.acme.execDetached(shell("echo out; exit 3"), on: target)
            for client in [clients.acme, clients.ops] {
                var text = ""
                for try await event in try await client.follow(command.id, in: "acme") {
                    if case .output(_, _, let bytes) = event { text += String(buffer: bytes) }
                }
                #expect(text == "out\n")
            }
            #expect(try await code { _ = try await clients.other.follow(command.id, in: "other") } == .notFound)
            #expect(try await code { _ = try await clients.other.follow(command.id, in: "acme") } == .permissionDenied)
            #expect(try await code { _ = try await clients.narrow.follow(command.id, in: "acme") } == .notFound)
            #expect(try await code { _ = try await clients.reader.follow(command.id, in: "acme") } == .permissionDenied)
            #expect(try await code { _ = try await clients.ops.follow(command.id, in: "other") } == .notFound)
        }
    }

    @Test func poolsTellWhatAnOrgHasInUse() async throws {
        try await withClients { clients in
            _ = try await clients.acme.write(try WorkspacePath("f"), ByteBuffer(string: "abc"), on: target)
            let command = try await clients.acme.execDetached(shell("sleep 1000"), on: target)
            let share = try #require(try await clients.ops.pools().first { $0.org == "acme" })
            #expect(share.execsRunning == 1)
            #expect(share.callsOK > 0)
            let limits = Dictionary(share.limits.map { ($0.name, $0) }) { first, _ in first }
            #expect(limits["org_running_commands"]?.used == 1)
            #expect(limits["org_entries"]?.used == 1)
            #expect(limits["org_connections"]?.used == 4)
            #expect(limits.values.allSatisfy { $0.allowed > 0 })
            try await command.kill()
        }
    }
}
