import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import BrokerServer

@Suite struct BusyPollerTests {
    private static let limit: UInt64 = 100_000

    /// The two ends of a connection, one of them a channel, and a poller of its event loop with a clock of which a
    /// microsecond goes by whenever it is read.
    private final class Conversation: Sendable {
        private final class Time: Sendable {
            private let nanoseconds = Atomic<UInt64>(1_000_000)

            @discardableResult
            func advance(by count: UInt64) -> UInt64 { nanoseconds.add(count, ordering: .relaxed).newValue }
        }

        let channel: any Channel
        private let peer: CInt
        private let time = Time()
        private let poller: NIOLoopBound<BusyPoller>

        init() async throws {
            var sockets: [CInt] = [-1, -1]
            try #require(
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &sockets) == 0
            )
            peer = sockets[1]
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .withConnectedSocket(sockets[0]).get()
            let loop = channel.eventLoop
            poller = try await loop.submit { [time] in
                NIOLoopBound(BusyPoller { time.advance(by: 1000) }, eventLoop: loop)
            }.get()
        }

        deinit { close(peer) }

        /// A request after 50 µs, and its answer. True: to be waited for the next.
        func serve() async throws -> Bool {
            try await channel.eventLoop.submit { [self] in
                time.advance(by: 50_000)
                poller.value.heard(from: 1, limit: BusyPollerTests.limit)
                return poller.value.answered(1, limit: BusyPollerTests.limit)
            }.get()
        }

        /// Nanoseconds of the clock that it took.
        func wait() async throws -> UInt64 {
            try await channel.eventLoop.submit { [self] in
                let start = time.advance(by: 0)
                poller.value.wait(for: channel, limit: BusyPollerTests.limit)
                return time.advance(by: 0) - start
            }.get()
        }

        func send() { _ = Glibc.send(peer, "x", 1, Int32(MSG_NOSIGNAL)) }
    }

    private static func inConversation(_ body: (Conversation) async throws -> Void) async throws {
        let conversation = try await Conversation()
        for _ in 0..<8 {
            try #require(try await conversation.serve() == false)
        }
        #expect(try await conversation.serve())
        try await body(conversation)
        try? await conversation.channel.close()
    }

    @Test func whatHasArrivedIsNotWaitedFor() async throws {
        try await Self.inConversation { conversation async throws in
            conversation.send()
            #expect(try await conversation.wait() == 1000)
            #expect(try await conversation.serve())
        }
    }

    @Test func waitsForTheLimitAndNotAgainAtOnce() async throws {
        try await Self.inConversation { conversation async throws in
            #expect(try await conversation.wait() == Self.limit)
            #expect(try await conversation.serve() == false)
        }
    }

    @Test func aChannelThatIsClosedIsNotWaitedFor() async throws {
        try await Self.inConversation { conversation async throws in
            try await conversation.channel.close()
            #expect(try await conversation.wait() == 0)
        }
    }
}
