import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// Watches over the wire, of a real broker.
@Suite(.serialized, .timeLimit(.minutes(2))) struct WatchTests {
    private static let types = [BackendType.memory, .localFilesystem]

    private func connect<Value>(
        _ broker: InProcessBroker,
        of org: String = "acme",
        _ body: (BrokerConnection) async throws -> Value
    ) async throws -> Value {
        let address = try BrokerAddress("127.0.0.1:\(broker.port)")
        return try await BrokerConnection.withConnection(to: address, token: broker.token(of: org), body)
    }

    private func write(_ path: String, _ connection: BrokerConnection, on target: BrokerTarget) async throws {
        try await connection.write(WorkspacePath(path), ByteBuffer(string: "x"), on: target)
    }

    /// The limit of one watch shows when the one before it is over.
    @Test(arguments: types, [false, true])
    func oneThatIsEndedGivesItsPlaceBack(type: BackendType, byConnection: Bool) async throws {
        try await withBroker(configure: { $0.watch.maxPerEntry = 1 }) { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(backend: type, key: "k")
            try await connect(broker) { connection in
                try await write("d/a", connection, on: target)
                try await connect(broker) { other in
                    let watch = try await other.watch(on: target)
                    let refused = await #expect(throws: BackendError.self) { try await connection.watch(on: target) }
                    #expect(refused?.code == .resourceExhausted && refused?.limit?.name == "watches_of_entry")
                    try await write("d/b", connection, on: target)
                    #expect(try await watch.next()?.path == (try WorkspacePath("d/b")))
                    if !byConnection { watch.close() }
                }
                var next: FileWatch?
                while next == nil {
                    do throws(BackendError) {
                        next = try await connection.watch(on: target)
                    } catch {
                        guard error.code == .resourceExhausted else { throw error }
                        await Task.yield()
                    }
                }
                try await write("d/c", connection, on: target)
                #expect(try await next?.next()?.path == (try WorkspacePath("d/c")))
            }
        }
    }

    @Test(arguments: types)
    func aReaderThatIsCancelledEnds(type: BackendType) async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(backend: type, key: "k")
            try await connect(broker) { connection in
                try await write("a", connection, on: target)
                let watch = try await connection.watch(on: target)
                let reader = Task { try await watch.next() }
                reader.cancel()
                let error = await #expect(throws: BackendError.self) { try await reader.value }
                #expect(error?.code == .cancelled)
                while try await connection.stats().callsInFlight > 0 { await Task.yield() }
            }
        }
    }

    @Test(arguments: types)
    func anOrgSeesNothingOfAnother(type: BackendType) async throws {
        try await withBroker(orgs: ["acme", "other"]) { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(backend: type, key: "k")
            try await connect(broker) { acme in
                try await connect(broker, of: "other") { other in
                    for connection in [acme, other] { try await write("d/first", connection, on: target) }
                    let watches = (try await acme.watch(on: target), try await other.watch(on: target))
                    for number in 0..<20 { try await write("d/acme\(number)", acme, on: target) }
                    try await write("d/other", other, on: target)
                    #expect(try await watches.1.next()?.path == (try WorkspacePath("d/other")))
                    #expect(try await watches.0.next()?.path == (try WorkspacePath("d/acme0")))
                }
            }
        }
    }

    /// Whoever watches is told that the broker goes, and holds it up no longer.
    @Test(arguments: types)
    func aDrainEndsThem(type: BackendType) async throws {
        let target = BrokerTarget(backend: type, key: "k")
        let (watching, begun) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: BackendError?.self) { group in
            try await withBroker { (broker: InProcessBroker) async throws in
                let address = try BrokerAddress("127.0.0.1:\(broker.port)")
                group.addTask {
                    do {
                        try await BrokerConnection.withConnection(to: address, token: broker.token()) { connection in
                            let path = try WorkspacePath("d/a")
                            try await connection.write(path, ByteBuffer(string: "x"), on: target)
                            let watch = try await connection.watch(on: target)
                            begun.finish()
                            while try await watch.next() != nil {}
                        }
                        return nil
                    } catch {
                        begun.finish()
                        return error as? BackendError
                    }
                }
                for await _ in watching {}
            }
            let error = try await group.next() ?? nil
            #expect(error?.code == .shuttingDown)
        }
    }

    @Test func whatACommandChangesIsTold() async throws {
        try await withBroker { (broker: InProcessBroker) async throws in
            let target = BrokerTarget(key: "k")
            try await connect(broker) { connection in
                try await write("d/a", connection, on: target)
                let watch = try await connection.watch(on: target)
                let line = "mkdir d/new && echo x > d/new/file && mv d/a d/new/b && rm d/new/file && touch end"
                let result = try await connection.run(ExecRequest(.shellLine(Array(line.utf8))), on: target)
                #expect(result.isSuccess)
                var changes: [FileChange] = []
                while let change = try await watch.next() {
                    changes.append(change)
                    if change.path == (try WorkspacePath("end")) { break }
                }
                func kinds(_ path: String) throws -> Set<FileChange.Kind> {
                    let path = try WorkspacePath(path)
                    return Set(changes.filter { $0.path == path }.map(\.kind))
                }
                #expect(try kinds("d/new").contains(.created))
                // It may be there and gone before the new directory is watched.
                #expect(try kinds("d/new/b").isSubset(of: [.created, .moved]) && !kinds("d/new/b").isEmpty)
                #expect(!changes.contains { $0.kind == .overflow })
            }
        }
    }
}
