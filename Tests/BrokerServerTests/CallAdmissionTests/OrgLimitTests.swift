import AgentBackend
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@testable import BrokerServer

/// Every limit of an org is met by one org over real sockets, under a clock that stands still; the other org sees
/// neither an error nor a wait, which at a clock that stands still would never end.
@Suite(.timeLimit(.minutes(2))) struct OrgLimitTests {
    /// `body` gets a client of each org, and the clock that queues and rates go by.
    private func withOrgs(
        _ change: @escaping (inout BrokerConfiguration) -> Void,
        _ body: (_ acme: WireConversation, _ umbrella: WireConversation, MockClock, InProcessBroker) async throws ->
            Void
    ) async throws {
        let clock = MockClock()
        let orgs = ["acme", "umbrella"]
        try await withBroker(orgs: orgs, configure: change, time: BrokerTime(clock: clock)) { broker in
            // That of the look for unused workspaces.
            await clock.nextTimerScheduled()
            let acme = try await WireConversation(with: broker)
            let umbrella = try await WireConversation(with: broker, org: "umbrella")
            try await body(acme, umbrella, clock, broker)
            await acme.client.close()
            await umbrella.client.close()
        }
    }

    /// An upload that has not come to its end: a call in flight for as long as a test wants.
    private func beginUpload(_ client: WireConversation, _ path: String, bytes: Int = 1) async throws -> UInt64 {
        try await client.begin(upload(client, path, bytes: bytes))
    }

    private func upload(_ client: WireConversation, _ path: String, bytes: Int = 1) -> ClientFrame {
        client.frame(
            .write(Write(path: Array(path.utf8))),
            last: false,
            payload: ByteBuffer(repeating: 1, count: bytes)
        )
    }

    private func endUpload(_ client: WireConversation, _ id: UInt64) async throws {
        try await client.client.send(ClientFrame(id: id, last: true, body: .chunk))
        try await client.result(of: id)
    }

    private func failure(of id: UInt64, _ client: WireConversation) async throws -> BackendError {
        let frame = try #require(try await client.client.next(of: id))
        return try #require(frame.error)
    }

    /// What an org that is within its limits does, without a wait.
    private func work(_ client: WireConversation) async throws {
        try await client.call(client.frame(.echo))
        try await client.write("x", to: "f")
        #expect(try await client.read("f") == "x")
    }

    // MARK: Calls

    @Test func callsInFlight() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsInFlight = 2
        } _: { acme, umbrella, clock, _ in
            // Its entry is there: what needs no wait is answered on the spot.
            try await acme.call(acme.frame(.echo))
            let running = [try await beginUpload(acme, "a"), try await beginUpload(acme, "b")]
            let first = try await beginUpload(acme, "c")
            await clock.nextTimerScheduled()
            try await acme.call(acme.frame(.echo))
            try await work(umbrella)
            clock.advance(by: .seconds(30))
            let error = try await failure(of: first, acme)
            #expect(error.code == .resourceExhausted)
            #expect(error.limit == LimitDetails(name: "org_calls_in_flight", used: 2, allowed: 2))
            #expect(error.retryAfter == .seconds(30))
            #expect(error.isRetryable && !error.maybeExecuted)
            #expect(error.operation == "write")
            // A place that becomes free is the next one's.
            let second = try await beginUpload(acme, "c")
            try await endUpload(acme, running[0])
            try await endUpload(acme, second)
            try await endUpload(acme, running[1])
        }
    }

    @Test func theLengthOfTheQueue() async throws {
        try await withOrgs { configuration in
            configuration.orgs[0].limits.maxCallsInFlight = 1
            configuration.orgs[0].limits.maxQueuedCalls = 2
        } _: { acme, umbrella, _, _ in
            let running = try await beginUpload(acme, "a")
            let waiting = [try await beginUpload(acme, "b"), try await beginUpload(acme, "c")]
            let error = try await failure(of: try await beginUpload(acme, "d"), acme)
            #expect(error.limit == LimitDetails(name: "org_queued_calls", used: 2, allowed: 2))
            #expect(error.retryAfter == .milliseconds(100))
            try await work(umbrella)
            let calls = try await acme.statistics().calls
            #expect(calls.waiting == 2 && calls.bytesInFlight >= 3)
            #expect(calls.orgQueuedCallsRefusals == 1 && calls.orgConnectionsRefusals == 0)
            #expect(try await umbrella.statistics().calls == StatsReply.Calls())
            for id in [running] + waiting { try await endUpload(acme, id) }
            #expect(try await acme.statistics().calls.waiting == 0)
        }
    }

    @Test func bytesInFlight() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxBytesInFlight = 100_000
        } _: { acme, umbrella, _, _ in
            // Those of a lane wait for their turn behind an upload that goes on, and are kept.
            let frames = [1, 60_000, 60_000].map { count in
                acme.frame(.write(Write(path: Array("a".utf8))), lane: 1, last: false, payload: .zeros(count))
            }
            try await acme.client.send(RawWireClient.bytes(of: frames))
            let error = try await failure(of: frames[2].id, acme)
            #expect(error.code == .resourceExhausted)
            #expect(error.limit?.name == "org_bytes_in_flight")
            #expect(error.limit?.allowed == 100_000)
            #expect(error.retryAfter != nil)
            try await work(umbrella)
            try await endUpload(acme, frames[0].id)
            try await endUpload(acme, frames[1].id)
            // What was kept is free again.
            for path in ["c", "d", "e"] { try await endUpload(acme, try await beginUpload(acme, path, bytes: 90_000)) }
        }
    }

    @Test func commandsRunning() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxRunning = 1
        } _: { acme, umbrella, clock, _ in
            let running = try await acme.begin(
                acme.frame(WireConversation.shell("cat", opensStandardInput: true), last: false)
            )
            try await acme.waitUntilStarted(running)
            let waiting = try await acme.begin(acme.frame(WireConversation.shell("true")))
            await clock.nextTimerScheduled()
            try await work(acme)
            try await umbrella.call(umbrella.frame(WireConversation.shell("true")))
            clock.advance(by: .seconds(30))
            let error = try await failure(of: waiting, acme)
            #expect(error.limit == LimitDetails(name: "org_running_commands", used: 1, allowed: 1))
            #expect(error.operation == "exec")
            let next = try await acme.begin(acme.frame(WireConversation.shell("true")))
            try await acme.client.send(ClientFrame(id: running, last: true, body: .chunk))
            try await acme.result(of: running)
            try await acme.result(of: next)
        }
    }

    /// The broker's own slots, which orgs share.
    @Test func anotherOrgsTurnComesBeforeAFlood() async throws {
        try await withOrgs {
            $0.limits.maxCallsInFlight = 2
        } _: { acme, umbrella, _, _ in
            // Entries that live already, so that an echo waits for nothing.
            try await work(acme)
            try await work(umbrella)
            let running = [try await beginUpload(acme, "a"), try await beginUpload(acme, "b")]
            let flood = (0..<500).map { upload(acme, "f\($0)") }
            try await acme.client.send(RawWireClient.bytes(of: flood))
            // Waits until the flood has arrived.
            try await acme.call(acme.frame(.echo))
            let mine = try await beginUpload(umbrella, "mine")
            try await umbrella.call(umbrella.frame(.echo))
            try await endUpload(acme, running[0])
            try await endUpload(umbrella, mine)
            for id in [running[1]] + flood.map(\.id) { try await endUpload(acme, id) }
        }
    }

    /// What an org asks about itself is answered when nothing else is: that is when it has to be asked.
    @Test func anOrgThatIsAtAllItsLimitsCanStillSeeWhy() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsInFlight = 1
            $0.orgs[0].limits.maxQueuedCalls = 1
            $0.orgs[0].limits.maxBytesInFlight = 100_000
            $0.orgs[0].limits.maxCallsPerSecond = 10
        } _: { acme, _, clock, broker in
            let other = try await WireConversation(with: broker)
            for _ in 0..<7 { try await acme.call(acme.frame(.echo)) }
            let running = try await beginUpload(acme, "a", bytes: 90_000)
            let waiting = try await beginUpload(acme, "b")
            let refused = try await failure(of: try await beginUpload(acme, "c"), acme)
            #expect(refused.limit?.name == "org_queued_calls")
            // Each is owed for, and paid for in a moment.
            for _ in 0..<3 {
                guard
                    case .connections(let page)? = try await other.call(other.frame(.connections(ListConnections())))
                        .reply
                else {
                    Issue.record("no connections")
                    return
                }
                #expect(page.connections.count == 2)
                clock.advance(by: .milliseconds(100))
            }
            let logs = try await other.begin(other.frame(.logs(FollowLogs())))
            guard case .reply(.logs)? = try await other.client.next(of: logs)?.body else {
                Issue.record("not followed")
                return
            }
            clock.advance(by: .milliseconds(100))
            let reload = try await failure(of: try await other.begin(other.frame(.reload)), other)
            #expect(reload.code == .permissionDenied)
            clock.advance(by: .milliseconds(100))
            // A call is none of these.
            let call = try await failure(of: try await other.begin(other.frame(.echo)), other)
            #expect(call.limit?.name == "org_queued_calls")
            await other.client.close()
            for id in [running, waiting] { try await acme.client.send(ClientFrame(id: 0, body: .cancel(call: id))) }
        }
    }

    // MARK: The rate

    @Test func callsPerSecond() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsPerSecond = 5
        } _: { acme, umbrella, clock, _ in
            for _ in 0..<5 { try await acme.call(acme.frame(.echo)) }
            let impatient = CallOptions.Special(queueDeadline: .milliseconds(50))
            let second = acme.frame(.echo)
            let third = acme.frame(.echo, special: impatient)
            try await acme.client.send(second, third)
            // The first token, and what is sooner: the deadline.
            await clock.nextTimerScheduled()
            await clock.nextTimerScheduled()
            for _ in 0..<10 { try await umbrella.call(umbrella.frame(.echo)) }
            clock.advance(by: .milliseconds(50))
            let error = try await failure(of: third.id, acme)
            #expect(error.code == .resourceExhausted)
            #expect(error.limit == LimitDetails(name: "org_calls_per_second", used: 5, allowed: 5))
            // The next token, in 150 ms, is the second's.
            #expect(error.retryAfter == .milliseconds(350))
            clock.advance(by: .milliseconds(150))
            try await acme.result(of: second.id)
        }
    }

    @Test func bytesPerSecond() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxBytesPerSecond = 10_000
        } _: { acme, umbrella, clock, _ in
            // Its entry is there: what is answered on the spot is paid for afterwards, in both directions.
            try await acme.call(acme.frame(.echo))
            try await acme.call(acme.frame(.echo, payload: ByteBuffer(repeating: 1, count: 10_000)))
            let special = CallOptions.Special(queueDeadline: .milliseconds(500))
            let waiting = try await acme.begin(acme.frame(.echo, special: special))
            await clock.nextTimerScheduled()
            for _ in 0..<10 {
                try await umbrella.call(umbrella.frame(.echo, payload: ByteBuffer(repeating: 1, count: 10_000)))
            }
            clock.advance(by: .milliseconds(500))
            let error = try await failure(of: waiting, acme)
            #expect(error.limit == LimitDetails(name: "org_bytes_per_second", used: 10_000, allowed: 10_000))
            let retryAfter = try #require(error.retryAfter)
            #expect(retryAfter >= .milliseconds(500) && retryAfter < .seconds(1))
            clock.advance(by: retryAfter)
            try await acme.call(acme.frame(.echo))
        }
    }

    /// What has begun is slowed down, in both directions, and never refused.
    @Test func aStreamGoesOnAtItsOrgsRate() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxBytesPerSecond = 1 << 19
        } _: { acme, umbrella, clock, _ in
            // The first second's worth, and into debt, within the credit that the broker gave.
            let upload = try await beginUpload(acme, "f", bytes: 1 << 19)
            let chunk = ByteBuffer(repeating: 1, count: 1 << 18)
            try await acme.client.send(ClientFrame(id: upload, last: false, body: .chunk, payload: chunk))
            await clock.nextTimerScheduled()
            try await work(umbrella)
            clock.advance(by: .seconds(10))
            try await endUpload(acme, upload)

            clock.advance(by: .seconds(10))
            let read = try await acme.begin(acme.frame(.read(Read(path: Array("f".utf8)))))
            try await waitUntilPaced(read, acme, clock)
        }
    }

    /// Reads an answer of more than a second's worth, which comes in pieces.
    private func waitUntilPaced(_ id: UInt64, _ client: WireConversation, _ clock: MockClock) async throws {
        let total = (1 << 19) + (1 << 18)
        var count = 0
        var isLast = false
        while !isLast {
            // Half a MiB at once, then what time brings. The end may come in a frame of its own, which waits for nothing.
            if count >= 1 << 19, count < total {
                await clock.nextTimerScheduled()
                clock.advance(by: .seconds(1))
            }
            let frame = try #require(try await client.client.next(of: id))
            count += frame.payload.readableBytes
            isLast = frame.last
        }
        #expect(count == total)
    }

    /// Calls of a lane keep their order, whatever each waits for.
    @Test func aLaneKeepsItsOrderAtTheRate() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsPerSecond = 10
        } _: { acme, _, clock, _ in
            var reads: [(UInt64, String)] = []
            var frames: [ClientFrame] = []
            for number in 0..<20 {
                let payload = ByteBuffer(string: "\(number)")
                frames.append(acme.frame(.write(Write(path: Array("f".utf8))), lane: 1, payload: payload))
                frames.append(acme.frame(.read(Read(path: Array("f".utf8))), lane: 1))
                reads.append((frames[frames.count - 1].id, "\(number)"))
            }
            try await acme.client.send(RawWireClient.bytes(of: frames))
            // Ten may come at once; each of the others waits for a token, when the one before it has ended.
            for _ in 10..<frames.count {
                await clock.nextTimerScheduled()
                clock.advance(by: .milliseconds(100))
            }
            for (id, text) in reads { #expect(String(buffer: try await acme.result(of: id).payload) == text) }
        }
    }

    // MARK: The end of a wait

    @Test func aCallThatWaitsIsCancelled() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsInFlight = 1
        } _: { acme, _, _, _ in
            let running = try await beginUpload(acme, "a")
            let waiting = try await beginUpload(acme, "b")
            let last = try await beginUpload(acme, "c")
            try await acme.client.send(ClientFrame(id: 0, body: .cancel(call: waiting)))
            let error = try await failure(of: waiting, acme)
            #expect(error.code == .cancelled && !error.maybeExecuted)
            try await endUpload(acme, running)
            try await endUpload(acme, last)
        }
    }

    @Test func aLostConnectionLeavesItsPlaces() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxCallsInFlight = 2
        } _: { acme, _, _, broker in
            // An entry that lives already: else the echo behind the uploads may wait for a slot, and none of them ends.
            try await acme.call(acme.frame(.echo))
            for number in 0..<50 { _ = try await beginUpload(acme, "f\(number)") }
            try await acme.call(acme.frame(.echo))
            try await acme.client.reset()
            let next = try await WireConversation(with: broker)
            for path in ["a", "b", "c"] { try await endUpload(next, try await beginUpload(next, path)) }
            await next.client.close()
        }
    }

    // MARK: Connections and memory

    @Test func connections() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxConnections = 1
        } _: { acme, umbrella, _, broker in
            let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
            try await client.send(ClientFrame(id: 0, body: .hello(Hello(token: broker.token(), clientName: ""))))
            let error = try #require(try await client.next(of: 0)?.error)
            #expect(error.code == .resourceExhausted)
            #expect(error.limit == LimitDetails(name: "org_connections", used: 1, allowed: 1))
            #expect(error.retryAfter != nil)
            #expect(try await client.next(of: 0) == nil)
            await client.close()
            let another = try await WireConversation(with: broker, org: "umbrella")
            try await work(another)
            try await work(umbrella)
            await another.client.close()

            // When the first has gone there is room.
            await acme.client.close()
            var last: WireConversation?
            while last == nil { last = try? await WireConversation(with: broker) }
            try await last?.call(acme.frame(.echo))
            await last?.client.close()
        }
    }

    @Test func memory() async throws {
        try await withOrgs {
            $0.orgs[0].limits.maxMemoryBytes = 20_000
        } _: { acme, umbrella, _, _ in
            func write(_ client: WireConversation, _ key: String) async throws {
                let write = Write(path: Array("f".utf8))
                try await client.call(client.frame(.write(write), key: key, backend: .memory, payload: .zeros(15_000)))
            }
            try await write(acme, "a")
            let error = try #require(await #expect(throws: BackendError.self) { try await write(acme, "b") })
            #expect(error.code == .resourceExhausted)
            #expect(error.limit?.name == "memory_bytes")
            #expect(error.limit?.allowed == 20_000)
            #expect(error.retryAfter == nil)
            for key in ["a", "b", "c"] { try await write(umbrella, key) }
        }
    }
}

extension ByteBuffer {
    fileprivate static func zeros(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 0, count: count) }
}
