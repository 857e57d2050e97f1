import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Synchronization
import Testing

@testable import BrokerClient

/// A real broker that ends in order while it is used, and another one that takes its place.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BrokerRestartTests {
    private static let writers = 4

    /// What the first broker began it finishes, what it did not begin the second one does: no call fails, and none is
    /// made twice.
    @Test func aPlannedRestartFailsNoCall() async throws {
        try await withBroker { (second: InProcessBroker) async throws in
            try await FrameProxy.run(to: second.port) { (proxy: FrameProxy, port: UInt16) async throws in
                let backend = try RemoteFilesystemBackend(
                    RemoteFilesystemBackend.Configuration(
                        address: .tcp(host: "127.0.0.1", port: port),
                        token: second.token(),
                        target: BrokerTarget(backend: .memory, key: "k"),
                        reconnection: ReconnectPolicy(firstDelay: .zero)
                    )
                )
                let statuses = StatusLog(backend.statusChanges())
                let progress = Progress()
                let sizes = try await withThrowingTaskGroup(of: Void.self) { (group) async throws -> (Int, Int) in
                    let token = second.token()
                    let firstSize = try await withBroker {
                        guard let token = Token(token) else { return }
                        $0.orgs[0].tokens.append(TokenRecord(id: token.id, name: "second", hash: token.hash))
                    } _: { (first: InProcessBroker) async throws in
                        try await proxy.redirect(to: first.port)
                        for writer in 0..<Self.writers {
                            group.addTask {
                                while !progress.isOver {
                                    let options = WriteOptions(mode: .append)
                                    try await backend.write("f\(writer)", "x", options: options)
                                    progress.advance()
                                }
                            }
                        }
                        while progress.count < 100 { await Task.yield() }
                        try await proxy.redirect(to: second.port)
                        return progress.count
                    }
                    // The first one is gone; the second one is at work.
                    let atEnd = progress.count
                    while progress.count < atEnd + 100 { await Task.yield() }
                    progress.end()
                    try await group.waitForAll()
                    return (firstSize, progress.count)
                }
                var onSecond = 0
                for writer in 0..<Self.writers { onSecond += Int(try await backend.stat("f\(writer)").size) }
                #expect(onSecond >= 100)
                #expect(onSecond <= sizes.1 - sizes.0, "what the first one had acknowledged is not made again")
                await backend.destroy()
                let seen = await statuses.next(through: .destroyed)
                #expect(
                    seen == [
                        .connecting, .connected, .disconnected, .reconnecting, .connecting, .connected, .destroyed,
                    ]
                )
            }
        }
    }
}

private final class Progress: Sendable {
    private let done = Atomic<Int>(0)
    private let hasEnded = Atomic<Bool>(false)

    var count: Int { done.load(ordering: .relaxed) }
    var isOver: Bool { hasEnded.load(ordering: .relaxed) }

    func advance() { done.add(1, ordering: .relaxed) }

    func end() { hasEnded.store(true, ordering: .relaxed) }
}
