import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
import ModelContextProtocol
import NIOCore
import Testing

/// Pages that read nothing of what goes on, over sockets.
@Suite(.timeLimit(.minutes(2))) struct SlowPagesTests {
    private static let pages = 1000
    /// Entries that an overview lists, of long names: it is more than the sockets take for a page that does not read.
    private static let entries = 500
    /// Overviews that a page is told of meanwhile.
    private static let overviews = 6
    /// Those that a page gets that read nothing: one that was written in part, one that was about to be, and the latest,
    /// which another may follow while it is read.
    private static let kept = 4

    /// However many they are, what waits for them does not grow: they are told of the latest alone, others as ever, and
    /// they are told that they missed something.
    @Test func aThousandOfThemMakeNothingGrow() async throws {
        try await withSidePort {
            // Not cut for it: see LimitTests.
            $0.http.writeTimeout = .seconds(600)
            $0.http.maxDashboardSessions = 400
            $0.http.maxEventStreams = 4 * (Self.pages + 1)
        } _: { broker in
            try await BrokerConnection.withConnection(
                to: try BrokerAddress("127.0.0.1:\(broker.port)"),
                token: broker.token()
            ) { client in
                for index in 0..<Self.entries {
                    let key = "\(index)-".padding(toLength: Name.maximumLength, withPad: "x", startingAt: 0)
                    let target = BrokerTarget(backend: .memory, key: key)
                    _ = try await client.write(WorkspacePath("f"), ByteBuffer(), on: target)
                }
            }
            let slow = try await open(broker)
            let page = try await DashboardPage(broker, token: broker.token())
            let last = try await page.stream("/api/events") { peer, _ in
                var last: Int64?
                for _ in 0..<Self.overviews {
                    let overview = try await peer.event(named: "overview")
                    #expect(overview?["entries"]?.elements?.count == Self.entries)
                    last = overview?["time_ms"]?.wholeNumber
                }
                return try #require(last)
            }
            // A part of them is looked at; all had the same offered.
            for peer in slow.prefix(20) {
                var count = 0
                while let overview = try await peer.event(named: "overview") {
                    count += 1
                    if let time = overview["time_ms"]?.wholeNumber, time >= last { break }
                }
                #expect(count <= Self.kept)
            }
            for peer in slow { await peer.close() }
        }
    }

    /// Pages that have heard that they are told, and read no further.
    private func open(_ broker: InProcessBroker) async throws -> [HTTPPeer] {
        var peers: [HTTPPeer] = []
        var page = DashboardPage(broker)
        for index in 0..<Self.pages {
            // A session has so many streams.
            if index % 16 == 0 { page = try await DashboardPage(broker, token: broker.token()) }
            let peer = try await HTTPPeer.connect(port: broker.httpPort, receiveBuffer: 4096, segment: 536)
            try await peer.send(page.text("GET", "/api/events"))
            #expect(try await peer.head().status == 200)
            peers.append(peer)
        }
        return peers
    }
}
