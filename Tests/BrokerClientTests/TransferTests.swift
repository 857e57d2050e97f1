import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Synchronization
import Testing

@testable import BrokerClient

/// Files that are sent and fetched in several goes, to and from a real broker.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TransferTests {
    private static let text = String((0..<700_000).flatMap { "\($0)\n" })
    private static let types = [BackendType.memory, .localFilesystem]

    private struct Interruption: Error {}

    /// The text from an offset on, in pieces of 1 MiB that begin anywhere.
    private static func piece(_ offset: UInt64) -> ByteBuffer? {
        let rest = text.utf8.dropFirst(Int(offset)).prefix(1 << 20)
        return rest.isEmpty ? nil : ByteBuffer(bytes: rest)
    }

    private func connect<Value>(
        _ broker: InProcessBroker,
        of org: String = "acme",
        token: String? = nil,
        _ body: (BrokerConnection) async throws -> Value
    ) async throws -> Value {
        let address = try BrokerAddress("127.0.0.1:\(broker.port)")
        let token = token ?? broker.token(of: org)
        return try await BrokerConnection.withConnection(to: address, token: token, body)
    }

    private func backend(
        _ broker: InProcessBroker,
        port: UInt16,
        _ type: BackendType,
        _ resend: RemoteFilesystemBackend.Resend = .none
    ) throws -> RemoteFilesystemBackend {
        try RemoteFilesystemBackend(
            RemoteFilesystemBackend.Configuration(
                address: .tcp(host: "127.0.0.1", port: port),
                token: broker.token(),
                target: BrokerTarget(backend: type, key: "k"),
                reconnection: ReconnectPolicy(maximumAttempts: 1000, firstDelay: .zero),
                resend: resend
            )
        )
    }

    /// Sends all but the end, and leaves it at that.
    private func begin(
        _ name: String,
        to path: String = "f",
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget = BrokerTarget(key: "k"),
        _ connection: BrokerConnection
    ) async throws {
        await #expect(throws: Interruption.self) {
            try await connection.upload(WorkspacePath(path), name: name, options: options, on: target) { offset in
                if offset > 2 << 20 { throw Interruption() }
                return Self.piece(offset)
            }
        }
    }

    private func offset(
        _ name: String,
        to path: String = "f",
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget = BrokerTarget(key: "k"),
        _ connection: BrokerConnection
    ) async throws -> UInt64 {
        let begin = UnaryCall.uploadBegin(name, try WorkspacePath(path), options: options)
        return try await connection.perform(begin, on: target, call: BrokerCallOptions())
    }

    private func error(_ body: () async throws -> Void) async -> BackendError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? BackendError
        }
    }

    @Test(arguments: types)
    func anotherConnectionGoesOnAndNobodyElse(type: BackendType) async throws {
        try await withBroker(orgs: ["acme", "other"]) { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(backend: type, key: "k")
            let path = try WorkspacePath("d/f")
            try await connect(broker) { connection in
                try await begin("u", to: "d/f", on: target, connection)
                let isThere = try await connection.exists(path, on: target)
                #expect(!isThere, "nothing shows before the end")
                // What came may have been on its way.
                #expect(try await offset("u", to: "d/f", on: target, connection) <= 3 << 20)
            }
            for (org, key, scope) in [("other", "k", ""), ("acme", "l", ""), ("acme", "k", "s")] {
                try await connect(broker, of: org) { connection in
                    let other = BrokerTarget(backend: type, key: key, scope: try WorkspacePath(scope))
                    #expect(try await !connection.abortUpload("u", on: other), "\(org) \(key) \(scope)")
                    #expect(try await offset("u", to: "d/f", on: other, connection) == 0, "\(org) \(key) \(scope)")
                    try await connection.abortUpload("u", on: other)
                }
            }
            try await connect(broker) { connection in
                let known = try await offset("u", to: "d/f", on: target, connection)
                var offsets: [UInt64] = []
                let info = try await connection.upload(path, name: "u", on: target) {
                    offsets.append($0)
                    return Self.piece($0)
                }
                #expect(info.size == UInt64(Self.text.utf8.count))
                #expect(offsets.first == 0 && offsets.contains(known), "all of it is in the checksum")
                #expect(try await connection.read(path, on: target) == ByteBuffer(string: Self.text))
                #expect(try await offset("u", to: "d/f", on: target, connection) == 0, "it has ended")
            }
        }
    }

    /// Connections are cut at any frame, in both directions, until the file is there, and again until it is back.
    @Test(arguments: types, [RemoteFilesystemBackend.Resend.none, .all])
    func aFileComesAndGoesThoughConnectionsAreCut(
        type: BackendType,
        resend: RemoteFilesystemBackend.Resend
    ) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            try await FrameProxy.run(to: broker.port) { proxy, port in
                let cuts = Atomic(0)
                try await proxy.cutAll {
                    cuts.add(1, ordering: .relaxed)
                    let direction = Bool.random() ? Cut.Direction.toBroker : .toClient
                    return Cut(direction: direction, index: .random(in: 1...8), isForwarded: .random())
                }
                let backend = try backend(broker, port: port, type, resend)
                let path = try WorkspacePath("f")
                let options = WriteOptions(mode: .createOnly)
                for number in 0..<5 {
                    try await backend.upload(path, name: "u", options: options, attempts: 1000) { Self.piece($0) }
                    let before = cuts.load(ordering: .relaxed)
                    var (download, came) = (Download(), ByteBuffer())
                    try await backend.download(path, &download, attempts: 1000) { came.writeImmutableBuffer($0) }
                    #expect(came == ByteBuffer(string: Self.text))
                    #expect(cuts.load(ordering: .relaxed) > before)
                    // While nothing is cut: a removal has its effect once.
                    try await connect(broker) { connection in
                        try await connection.rm(path, on: BrokerTarget(backend: type, key: "k"))
                        let temporary = broker.temporaryFiles(of: "acme")
                        #expect(temporary == [], "\(number)")
                    }
                }
                await backend.destroy()
            }
        }
    }

    @Test func otherBytesAreDroppedAndTheVersionCounts() async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            try await connect(broker) { connection in
                let (target, path) = (BrokerTarget(key: "k"), try WorkspacePath("f"))
                let old = try await connection.write(path, ByteBuffer(string: "old"), on: target)
                func upload(_ options: WriteOptions) async throws {
                    try await connection.upload(path, name: "v", options: options, on: target) { offset in
                        offset == 0 ? ByteBuffer(string: "new") : nil
                    }
                }
                let exists = await error { try await upload(WriteOptions(mode: .createOnly)) }
                #expect(exists?.code == .writeFailed && exists?.reason == .exists)
                try await connection.write(path, ByteBuffer(string: "changed"), on: target)
                #expect(try await connection.abortUpload("v", on: target))
                let conflict = await error { try await upload(WriteOptions(expectedEtag: old.etag)) }
                #expect(conflict?.code == .conflict)
                #expect(try await connection.abortUpload("v", on: target))
                #expect(try await !connection.abortUpload("v", on: target))
                #expect(broker.temporaryFiles() == [])

                try await begin("w", connection)
                let finish = UnaryCall.uploadFinish("w", sha256: Array(repeating: 7, count: 32))
                let wrong = await error {
                    _ = try await connection.perform(finish, on: target, call: BrokerCallOptions())
                }
                #expect(wrong?.code == .conflict)
                #expect(try await connection.read(path, on: target) == ByteBuffer(string: "changed"))
                #expect(broker.temporaryFiles() == [])
                let short = UnaryCall.uploadFinish("w", sha256: [7])
                let refused = await error {
                    _ = try await connection.perform(short, on: target, call: BrokerCallOptions())
                }
                #expect(refused?.code == .invalidArgument)
            }
        }
    }

    @Test(arguments: types)
    func twoUploadsToOneFileDoNotMix(type: BackendType) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(backend: type, key: "k")
            try await connect(broker) { connection in
                func upload(_ name: String, _ letter: String, _ options: WriteOptions) async throws {
                    let bytes = ByteBuffer(repeating: Array(letter.utf8)[0], count: 300_000)
                    try await connection.upload(WorkspacePath("f"), name: name, options: options, on: target) {
                        bytes.getSlice(at: Int($0), length: min(100_000, 300_000 - Int($0))).flatMap {
                            $0.readableBytes == 0 ? nil : $0
                        }
                    }
                }
                try await withThrowingTaskGroup { group in
                    for letter in ["a", "b", "c", "d"] {
                        group.addTask { try await upload(letter, letter, WriteOptions()) }
                    }
                    try await group.waitForAll()
                }
                let read = try await connection.read(WorkspacePath("f"), on: target)
                #expect(Set(read.readableBytesView).count == 1 && read.readableBytes == 300_000)
                // Of those that want to be the first one is.
                try await connection.rm(WorkspacePath("f"), on: target)
                let made = await withTaskGroup { group in
                    for letter in ["a", "b", "c", "d"] {
                        group.addTask {
                            do {
                                try await upload(letter, letter, WriteOptions(mode: .createOnly))
                                return true
                            } catch {
                                return false
                            }
                        }
                    }
                    return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(made == 1)
            }
        }
    }

    /// Neither the temporary file nor what was counted for it stays.
    @Test func whatIsGivenUpLeavesNothing() async throws {
        let time = MockClock()
        let configure: (inout BrokerConfiguration) -> Void = {
            $0.limits.maxWorkspaceBytes = 8 << 20
            $0.limits.maxUploadsPerOrg = 2
            $0.limits.maxUploadBytesPerOrg = 6 << 20
        }
        try await withBroker(configure: configure, time: BrokerTime(clock: time)) { broker in
            try await connect(broker) { connection in
                let target = BrokerTarget(key: "k")
                func write(_ count: Int) async -> BackendError? {
                    await error {
                        let bytes = ByteBuffer(repeating: 1, count: count)
                        try await connection.write(WorkspacePath("w"), bytes, on: target)
                    }
                }
                try await begin("u", connection)
                #expect(broker.temporaryFiles().count == 1)
                #expect(await write(7 << 20)?.limit?.name == "workspace_bytes", "it takes room")
                try await begin("v", to: "g", connection)
                let many = await error { _ = try await offset("w", connection) }
                #expect(many?.limit == LimitDetails(name: "uploads", used: 2, allowed: 2))
                #expect(try await connection.abortUpload("u", on: target))
                #expect(try await connection.abortUpload("v", on: target))
                #expect(broker.temporaryFiles() == [])
                #expect(await write(7 << 20) == nil)

                // The quota is met on the way, and what came stays.
                let full = await error {
                    try await connection.upload(WorkspacePath("f"), name: "u", on: target) { Self.piece($0) }
                }
                #expect(full?.limit?.name == "workspace_bytes")
                let present = try await offset("u", connection)
                #expect(present > 0 && present <= 1 << 20)
                try await connection.rm(WorkspacePath("w"), on: target)
                try await connection.upload(WorkspacePath("f"), name: "u", on: target) { Self.piece($0) }
                #expect(try await connection.stat(WorkspacePath("f"), on: target).size == UInt64(Self.text.utf8.count))
                #expect(broker.temporaryFiles() == [])
                try await connection.rm(WorkspacePath("f"), on: target)

                try await begin("u", connection)
                let over = await error {
                    try await connection.upload(WorkspacePath("g"), name: "x", on: target) { Self.piece($0) }
                }
                #expect(over?.limit?.name == "upload_bytes")
                #expect(try await connection.abortUpload("x", on: target))

                // Nobody calls the one that is left.
                #expect(broker.temporaryFiles().count == 1)
                while try await connection.abortUpload("none", on: target) == false, !broker.temporaryFiles().isEmpty {
                    time.advance(by: .seconds(3600))
                    await Task.yield()
                }
                let forgotten = await error {
                    let request = CallRequest.uploadAppend("u", at: 0, on: target, BrokerCallOptions())
                    let call = try connection.start(request)
                    call.endInput()
                    _ = try await call.onlyPart()
                }
                #expect(forgotten?.code == .notFound)
                #expect(await write(7 << 20) == nil)
            }
        }
    }

    @Test func aReadOnlyTokenUploadsNothing() async throws {
        let token = Token.generate()
        var record = TokenRecord(id: token.id, name: "narrow", hash: token.hash)
        record.isReadOnly = true
        try await withBroker(configure: { $0.orgs[0].tokens.append(record) }) { broker in
            let target = BrokerTarget(key: "k")
            try await connect(broker) { try await begin("u", $0) }
            try await connect(broker, token: token.text) { connection in
                #expect(await error { _ = try await offset("v", connection) }?.code == .permissionDenied)
                #expect(await error { _ = try await offset("u", connection) }?.code == .permissionDenied)
                let abort = await error { try await connection.abortUpload("u", on: target) }
                #expect(abort?.code == .permissionDenied)
                let finish = await error {
                    let finish = UnaryCall.uploadFinish("u", sha256: Array(repeating: 0, count: 32))
                    let call = BrokerCallOptions(idempotencyKey: "once")
                    _ = try await connection.perform(finish, on: target, call: call)
                }
                #expect(finish?.code == .permissionDenied)
                let append = await error {
                    let call = try connection.start(.uploadAppend("u", at: 0, on: target, BrokerCallOptions()))
                    call.endInput()
                    _ = try await call.onlyPart()
                }
                #expect(append?.code == .permissionDenied)
            }
            try await connect(broker) { connection in
                #expect(try await connection.abortUpload("u", on: target))
                try await connection.write(WorkspacePath("f"), ByteBuffer(string: "x"), on: target)
            }
            try await connect(broker, token: token.text) { connection in
                let checksum = try await connection.checksum(WorkspacePath("f"), on: target)
                #expect(checksum.bytes == 1)
            }
        }
    }

    /// What the broker has forgotten with its restart is sent again, and what it did before is not done again.
    @Test func anUploadGoesOnAtTheNextBroker() async throws {
        try await withBroker { (second: InProcessBroker) async throws in
            try await FrameProxy.run(to: second.port) { (proxy: FrameProxy, port: UInt16) async throws in
                let backend = try backend(second, port: port, .localFilesystem)
                try await withBroker {
                    guard let token = Token(second.token()) else { return }
                    $0.orgs[0].tokens.append(TokenRecord(id: token.id, name: "second", hash: token.hash))
                } _: { (first: InProcessBroker) async throws in
                    try await proxy.redirect(to: first.port)
                    await #expect(throws: Interruption.self) {
                        try await backend.upload(WorkspacePath("f"), name: "u") { offset in
                            if offset > 2 << 20 { throw Interruption() }
                            return Self.piece(offset)
                        }
                    }
                    try await proxy.redirect(to: second.port)
                }
                let info = try await backend.upload(WorkspacePath("f"), name: "u") { Self.piece($0) }
                #expect(info.size == UInt64(Self.text.utf8.count))
                await backend.destroy()
            }
        }
    }
}
