import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// What a token allows, and to which entry a target leads.
@Suite(.timeLimit(.minutes(1))) struct PermissionTests {
    /// Every operation that needs a target, and whether it changes something.
    private static let operations: [(operation: BrokerWire.Operation, isModifying: Bool)] = [
        (.echo, false), (.describe, false), (.read(Read(path: Array("f".utf8))), false),
        (.stat(Stat(path: Array("f".utf8))), false), (.readdir(Readdir(path: [])), false),
        (.checksum(Checksum(path: Array("f".utf8))), false),
        (.uploadBegin(UploadBegin(upload: "u", file: Write(path: Array("f".utf8)))), true),
        (.write(Write(path: Array("f".utf8))), true), (.rm(Rm(path: Array("f".utf8))), true),
        (.acquire(Acquire()), false), (WireConversation.shell("true"), true),
    ]

    private func codes(
        _ configure: (inout TokenRecord) throws -> Void,
        key: String
    ) async throws -> [BackendError.Code?] {
        let token = Token.generate()
        var record = TokenRecord(id: token.id, name: "narrow", hash: token.hash)
        try configure(&record)
        return try await withBroker(configure: { $0.orgs[0].tokens.append(record) }) { broker in
            let full = try await WireConversation(with: broker)
            for key in ["a", "team-1", "team-2"] { try await full.write("x", to: "f", key: key) }
            let narrow = try await WireConversation(with: broker, token: token.text)
            var codes: [BackendError.Code?] = []
            for (operation, _) in Self.operations {
                codes.append(try await errorCode { try await narrow.call(narrow.frame(operation, key: key)) })
            }
            await narrow.client.close()
            await full.client.close()
            return codes
        }
    }

    @Test func aReadOnlyTokenReads() async throws {
        let codes = try await codes({ $0.isReadOnly = true }, key: "a")
        #expect(codes == Self.operations.map { $0.isModifying ? .permissionDenied : nil })
    }

    @Test func aReadOnlyTokenChangesNothingWithAnIdempotencyKeyEither() async throws {
        let token = Token.generate()
        var record = TokenRecord(id: token.id, name: "narrow", hash: token.hash)
        record.isReadOnly = true
        try await withBroker(configure: { $0.orgs[0].tokens.append(record) }) { broker in
            let full = try await WireConversation(with: broker)
            try await full.write("x", to: "f", key: "a")
            let narrow = try await WireConversation(with: broker, token: token.text)
            var detached = ExecStart(program: .shellLine(Array("true".utf8)))
            detached.isDetached = true
            let operations = Self.operations.filter(\.isModifying).map(\.operation) + [.execStart(detached)]
            for (number, operation) in operations.enumerated() {
                if case .execStart(let start) = operation, !start.isDetached { continue }
                var frame = narrow.frame(operation, key: "a")
                frame.options = CallOptions(CallOptions.Special(idempotencyKey: "once \(number)"))
                let code = try await errorCode { try await narrow.call(frame) }
                #expect(code == .permissionDenied, "\(operation)")
            }
            await narrow.client.close()
            await full.client.close()
        }
    }

    @Test(arguments: [BackendType.localFilesystem, .memory])
    func aReadOnlyTokenMakesNothing(backend: BackendType) async throws {
        let token = Token.generate()
        var record = TokenRecord(id: token.id, name: "narrow", hash: token.hash)
        record.isReadOnly = true
        try await withBroker(configure: { $0.orgs[0].tokens.append(record) }) { broker in
            let reader = try await WireConversation(with: broker, token: token.text)
            for operation in Self.operations where !operation.isModifying {
                if case .describe = operation.operation { continue }
                for key in ["new", ""] {
                    let frame = reader.frame(operation.operation, key: key, backend: backend)
                    let code = try await errorCode { try await reader.call(frame) }
                    var isAcquire = false
                    if case .acquire = operation.operation { isAcquire = true }
                    #expect(code == (key.isEmpty && !isAcquire ? .invalidArgument : .notFound), "\(operation)")
                }
            }
            #expect(!broker.entries(of: "v1/orgs/acme").contains("new"))
            let pool = try await reader.statistics().pool
            #expect(pool.creations == 0 && pool.active == 0 && pool.idle == 0)

            // What is there it gets.
            let writer = try await WireConversation(with: broker)
            let write = Write(path: Array("f".utf8))
            try await writer.call(writer.frame(.write(write), key: "new", backend: backend))
            try await reader.call(reader.frame(.stat(Stat(path: Array("f".utf8))), key: "new", backend: backend))
            await reader.client.close()
            await writer.client.close()
        }
    }

    @Test func aTokenForSomeKeysLeadsToThose() async throws {
        let pattern = try #require(KeyPattern("team-*"))
        #expect(try await codes({ $0.keyPatterns = [pattern] }, key: "team-1") == Self.operations.map { _ in nil })
        let denied = try await codes({ $0.keyPatterns = [pattern] }, key: "a")
        #expect(denied == Self.operations.map { _ in .permissionDenied })
    }

    @Test func anOperatorsTokenReachesNoKey() async throws {
        let codes = try await codes({ $0.role = .operator }, key: "a")
        #expect(codes == Self.operations.map { _ in .permissionDenied })
    }

    @Test func withoutATargetNothingWorks() async throws {
        try await withConversation { _, client in
            for (operation, _) in Self.operations {
                var frame = client.frame(operation)
                frame.target = nil
                let code = try await errorCode { try await client.call(frame) }
                #expect(code == .invalidArgument, "\(operation)")
            }
        }
    }

    @Test(arguments: ["../other", "a/b", ".hidden", "-x", "ü", String(repeating: "k", count: 129)])
    func whatIsNoKeyIsRefused(key: String) async throws {
        try await withConversation { _, client in
            for (operation, _) in Self.operations {
                let code = try await errorCode { try await client.call(client.frame(operation, key: key)) }
                #expect(code == .invalidArgument, "\(operation)")
            }
        }
    }

    @Test func aBrokerPoolsNoRemoteBackends() async throws {
        try await withConversation { _, client in
            for (operation, _) in Self.operations {
                let frame = client.frame(operation, backend: .remoteFilesystem)
                let code = try await errorCode { try await client.call(frame) }
                #expect(code == .invalidArgument, "\(operation)")
            }
        }
    }

    /// Keys and backends of one org are different places, and so is a scope.
    @Test func targetsAreKeptApart() async throws {
        try await withConversation { _, client in
            try await client.write("local a", to: "f", key: "a")
            try await client.write("local b", to: "f", key: "b")
            let memory = client.frame(
                .write(Write(path: Array("f".utf8))),
                key: "a",
                backend: .memory,
                payload: ByteBuffer(string: "memory a")
            )
            try await client.call(memory)
            var scoped = client.frame(
                .write(Write(path: Array("f".utf8))),
                key: "a",
                payload: ByteBuffer(string: "scoped")
            )
            scoped.target?.scopePath = Array("dir".utf8)
            try await client.call(scoped)

            // All in one batch, in turn.
            let reads = (0..<50).flatMap { _ in
                ["a", "b"].flatMap { key in
                    [BackendType.localFilesystem, .memory].map {
                        client.frame(.read(Read(path: Array("f".utf8))), key: key, backend: $0)
                    }
                }
            }
            try await client.client.send(RawWireClient.bytes(of: reads))
            for (index, read) in reads.enumerated() {
                let expected = ["local a", "memory a", "local b", nil][index % 4]
                do {
                    #expect(String(buffer: try await client.result(of: read.id).payload) == expected)
                } catch let error as BackendError {
                    #expect(error.code == .keyNotFound && expected == nil)
                }
            }
            #expect(try await client.read("dir/f", key: "a") == "scoped")
        }
    }

    /// More entries than one batch holds, each read twice in turn, and one of them by a lease as well, which is given back
    /// in between.
    @Test func manyEntriesAtOnceAreKeptApart() async throws {
        try await withConversation { _, client in
            let keys = (0..<150).map { "key-\($0)" }
            for key in keys { try await client.write("of \(key)", to: "f", key: key) }
            guard
                case .acquire(let acquired)? = try await client.call(client.frame(.acquire(Acquire()), key: keys[7]))
                    .reply
            else {
                Issue.record("no lease")
                return
            }
            func read(_ key: String, lease: UInt64 = 0) -> ClientFrame {
                var frame = client.frame(.read(Read(path: Array("f".utf8))), key: key)
                frame.target?.lease = lease
                return frame
            }
            let leased = [read("", lease: acquired.lease), read("", lease: acquired.lease)]
            let once = keys.map { read($0) }
            let release = client.frame(.release(Release(lease: acquired.lease)))
            let late = read("", lease: acquired.lease)
            let again = keys.map { read($0) }
            try await client.client.send(RawWireClient.bytes(of: leased + once + [release, late] + again))

            for frame in leased {
                #expect(String(buffer: try await client.result(of: frame.id).payload) == "of \(keys[7])")
            }
            for (key, frame) in zip(keys + keys, once + again) {
                #expect(String(buffer: try await client.result(of: frame.id).payload) == "of \(key)")
            }
            #expect(try await errorCode { _ = try await client.result(of: late.id) } == .notFound)
            try await client.waitUntil { $0.pool.active == 0 && $0.pool.leases == 0 && $0.callsInFlight == 0 }
        }
    }

    /// An error names its operation, whichever way the call went.
    @Test func errorsNameTheirOperation() async throws {
        try await withConversation { _, client in
            for (operation, name) in [
                (BrokerWire.Operation.read(Read(path: Array("x".utf8))), "read"),
                (.rm(Rm(path: Array("x".utf8))), "rm"),
            ] {
                do {
                    try await client.call(client.frame(operation))
                    Issue.record("\(name) of a missing file")
                } catch let error as BackendError {
                    #expect(error.operation == name)
                    #expect(error.reason == .notFound)
                }
            }
        }
    }
}
