import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Synchronization
import Testing

@testable import BrokerClient

/// Changes that are sent again when their connection is lost, each done once.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RepeatedChangesTests {
    private static func backend(
        _ broker: InProcessBroker,
        port: UInt16,
        _ type: BackendType,
        _ resend: RemoteFilesystemBackend.Resend = .all
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

    private static let createOnly = WriteOptions(mode: .createOnly)
    private static let append = WriteOptions(mode: .append)

    /// Ten thousand appends of one byte, beside files that are made and renamed, through connections that are cut at
    /// random: as many bytes are there then, and nothing that may be done once failed.
    @Test(arguments: [BackendType.memory, .localFilesystem])
    func everyChangeIsMadeOnceHoweverOftenTheConnectionIsLost(type: BackendType) async throws {
        let (writers, each) = (8, 625)
        try await withBroker { broker in
            try await FrameProxy.run(to: broker.port) { proxy, port in
                let cuts = Atomic(0)
                try await proxy.cutAll {
                    cuts.add(1, ordering: .relaxed)
                    return Cut(
                        direction: Bool.random() ? .toBroker : .toClient,
                        index: .random(in: 4...300),
                        isForwarded: .random()
                    )
                }
                let backend = try Self.backend(broker, port: port, type)
                try await withThrowingTaskGroup { group in
                    for writer in 0..<writers {
                        group.addTask {
                            for number in 0..<each {
                                try await backend.write("f\(writer)", "x", options: Self.append)
                                guard number % 25 == 0 else { continue }
                                try await backend.write("d\(writer)-\(number)", "", options: Self.createOnly)
                                try await backend.rename(
                                    WorkspacePath("d\(writer)-\(number)"),
                                    to: WorkspacePath("e\(writer)-\(number)"),
                                    options: RenameOptions()
                                )
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(cuts.load(ordering: .relaxed) > 20)
                try await proxy.cutNoMore()
                for writer in 0..<writers {
                    #expect(try await backend.stat("f\(writer)").size == UInt64(each))
                }
                await backend.destroy()
            }
        }
    }

    /// Without keys the same loss is told, and leaves the caller in doubt: what the keys are for.
    @Test func withoutKeysALostChangeIsTold() async throws {
        try await withBroker { broker in
            let cut = Cut(direction: .toClient, index: 1, isForwarded: false)
            try await FrameProxy.run(to: broker.port, cut: cut) { proxy, port in
                let backend = try Self.backend(broker, port: port, .memory, .reads)
                let error = await #expect(throws: BackendError.self) {
                    try await backend.write("f", "x", options: Self.append)
                }
                #expect(error?.code == .connectionClosed && error?.maybeExecuted == true)
                #expect(try await backend.stat("f").size == 1)
                await backend.destroy()
            }
        }
    }

    /// A broker that was restarted knows nothing of the keys: the caller is told, and nothing is done twice.
    @Test func anotherRunOfTheBrokerIsNotTakenForTheFirst() async throws {
        try await withBroker { second in
            let token = second.token()
            let cut = Cut(direction: .toClient, index: 1, isForwarded: false)
            try await FrameProxy.run(to: second.port, cut: cut) { proxy, port in
                let backend = try Self.backend(second, port: port, .memory)
                try await withBroker {
                    guard let token = Token(token) else { return }
                    $0.orgs[0].tokens.append(TokenRecord(id: token.id, name: "second", hash: token.hash))
                } _: { (first: InProcessBroker) async throws in
                    try await proxy.redirect(to: first.port)
                    try await backend.connect()
                    try await proxy.redirect(to: second.port)
                    let error = await #expect(throws: BackendError.self) {
                        try await backend.write("f", "x", options: Self.append)
                    }
                    #expect(error?.code == .connectionClosed && error?.maybeExecuted == true)
                    #expect(error?.message.contains("restarted") == true)
                }
                #expect(try await !backend.exists("f"))
                await backend.destroy()
            }
        }
    }
}
