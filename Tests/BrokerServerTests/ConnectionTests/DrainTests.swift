import AgentBackend
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@testable import BrokerServer

/// What a broker that ends makes of the calls in flight.
@Suite struct DrainTests {
    // MARK: The machine

    @Test func allConnectionsAreHeardAndAllCallsAwaited() {
        var machine = DrainStateMachine()
        var isOver = [
            machine.began(connections: 2), machine.connectionDrains(calls: 2), machine.callEnded(.finished),
            machine.callEnded(.cancelled),
        ]
        #expect(isOver == [false, false, false, false])
        #expect(machine.result == nil)
        isOver = [
            machine.connectionDrains(calls: 1), machine.connectionCame(), machine.callEnded(.abandoned),
            machine.connectionDrains(calls: 0),
        ]
        #expect(isOver == [false, false, false, true])
        var report = DrainReport()
        (report.connections, report.finished, report.cancelled, report.abandoned) = (2, 1, 1, 1)
        #expect(machine.result == report)
        // Late ones change nothing.
        isOver = [machine.connectionCame(), machine.callEnded(.finished)]
        #expect(isOver == [false, false])
        #expect(machine.result == report)
    }

    @Test func withoutConnectionsItIsOverAtOnce() {
        var machine = DrainStateMachine()
        let isOver = [machine.callEnded(.finished), machine.began(connections: 0), machine.began(connections: 3)]
        #expect(isOver == [false, true, false])
        #expect(machine.result == DrainReport())
    }

    @Test func othersThanConnectionsAreHeardToo() {
        var machine = DrainStateMachine()
        machine.expectsAnother()
        let isOver = [
            machine.began(connections: 0), machine.connectionDrains(calls: 1), machine.callEnded(.cancelled),
        ]
        #expect(isOver == [false, false, true])
        #expect(machine.result?.connections == 0 && machine.result?.cancelled == 1)
    }

    @Test func aWaiterThatIsCancelledWaitsNoMore() async throws {
        let drain = BrokerDrain()
        await withTaskGroup { group in
            group.addTask {
                await #expect(throws: BackendError.self) { try await drain.report() }
            }
            group.cancelAll()
        }
        drain.began(connections: 1)
        async let report = drain.report()
        drain.connectionDrains(calls: 0)
        #expect(try await report.connections == 1)
    }

    // MARK: A broker

    /// When the time is up each call is told, and how far it got.
    @Test(.timeLimit(.minutes(1)), arguments: Transport.allCases)
    func whatIsCutIsAnswered(transport: Transport) async throws {
        let (running, waiting, last): (UInt64, UInt64, UInt64)
        let client: WireConversation
        (client, running, waiting, last) = try await withBroker(configure: { $0.limits.drainTimeout = .zero }) {
            broker in
            let client = try await WireConversation(with: broker, over: transport)
            let exec = try await client.begin(client.frame(WireConversation.shell("sleep 1000"), lane: 1))
            try await client.waitUntilStarted(exec)
            let waiting = try await client.begin(client.frame(.echo, lane: 1))
            // Its answer says that what came before it was taken.
            let last = client.frame(.echo)
            try await client.call(last)
            return (client, exec, waiting, last.id)
        }
        let cut = try await #require(error(of: running, client))
        #expect(cut.code == .shuttingDown)
        #expect(cut.maybeExecuted)
        #expect(!cut.isRetryable)
        let unbegun = try await #require(error(of: waiting, client))
        #expect(unbegun.code == .shuttingDown)
        #expect(!unbegun.maybeExecuted)
        #expect(unbegun.isRetryable)
        guard case .goAway(let goAway)? = try await client.client.next(of: 0)?.body else {
            Issue.record("not told")
            return
        }
        #expect(goAway.error == nil)
        #expect(goAway.lastID == last)
        try await client.client.drain()
        await client.client.close()
    }

    @Test(.timeLimit(.minutes(1)))
    func anOperatorHearsWhatBecameOfTheCalls() async throws {
        let token = Token.generate()
        try await withBroker(configure: { Self.add(token, to: &$0) }) { broker in
            let client = try await WireConversation(with: broker)
            let cat = try await client.begin(
                client.frame(WireConversation.shell("cat", opensStandardInput: true), last: false)
            )
            try await client.waitUntilStarted(cat)
            let lost = try await WireConversation(with: broker)
            let sleep = try await lost.begin(lost.frame(WireConversation.shell("sleep 1000")))
            try await lost.waitUntilStarted(sleep)
            let `operator` = try await WireConversation(with: broker, over: .unix, token: token.text)
            let drain = try await `operator`.begin(`operator`.frame(.drain))
            // It has begun once others are told; it goes on until they have what they asked for.
            #expect(try await isGoAway(client.client.next(of: 0)))
            await lost.client.close()
            try await client.client.send(
                ClientFrame(id: cat, body: .chunk, payload: ByteBuffer(string: "last words"))
            )
            #expect(try await String(buffer: client.result(of: cat).payload) == "last words")
            var expected = DrainReport()
            (expected.connections, expected.finished, expected.abandoned) = (3, 1, 1)
            guard case .drain(let report)? = try await `operator`.result(of: drain).reply else {
                Issue.record("no report")
                return
            }
            #expect(report == expected)
            try await `operator`.client.drain()
            await `operator`.client.close()
            await client.client.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func anOperatorHearsWhatWasCut() async throws {
        let token = Token.generate()
        try await withBroker(configure: {
            Self.add(token, to: &$0)
            $0.limits.drainTimeout = .zero
        }) { broker in
            let client = try await WireConversation(with: broker)
            let sleep = try await client.begin(client.frame(WireConversation.shell("sleep 1000")))
            try await client.waitUntilStarted(sleep)
            let `operator` = try await WireConversation(with: broker, token: token.text)
            let drain = try await `operator`.begin(`operator`.frame(.drain))
            guard case .drain(let report)? = try await `operator`.result(of: drain).reply else {
                Issue.record("no report")
                return
            }
            #expect(report.cancelled == 1)
            #expect(report.finished == 0)
            #expect(try await error(of: sleep, client)?.code == .shuttingDown)
            for client in [client, `operator`] {
                try await client.client.drain()
                await client.client.close()
            }
        }
    }

    /// What nobody is connected to is given the same time, and counted.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func commandsInTheBackgroundEndWithTheBroker(isInTime: Bool) async throws {
        let token = Token.generate()
        try await withBroker(configure: {
            Self.add(token, to: &$0)
            if !isInTime { $0.limits.drainTimeout = .zero }
        }) { broker in
            let client = try await WireConversation(with: broker)
            let line = "trap : TERM; mkfifo go; read x < go; exit 3"
            try await client.call(
                client.frame(.execStart(ExecStart(program: .shellLine(Array(line.utf8)), isDetached: true)))
            )
            let release = try await client.begin(
                client.frame(
                    WireConversation.shell("cat; until [ -p go ]; do :; done; echo > go", opensStandardInput: true),
                    last: false
                )
            )
            try await client.waitUntilStarted(release)
            let `operator` = try await WireConversation(with: broker, token: token.text)
            let drain = try await `operator`.begin(`operator`.frame(.drain))
            if isInTime {
                _ = try await client.client.next(of: 0)
                try await client.client.send(ClientFrame(id: release, body: .chunk))
                try await client.result(of: release)
            }
            guard case .drain(let report)? = try await `operator`.result(of: drain).reply else {
                Issue.record("no report")
                return
            }
            #expect(report.finished == (isInTime ? 2 : 0))
            #expect(report.cancelled == (isInTime ? 0 : 2))
            for client in [client, `operator`] {
                try await client.client.drain()
                await client.client.close()
            }
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func otherTokensEndNothing(isReadOnly: Bool) async throws {
        try await withConversation(configure: {
            $0.orgs[0].tokens[0].isReadOnly = isReadOnly
        }) { _, client in
            let drain = try await client.begin(client.frame(.drain))
            #expect(try await error(of: drain, client)?.code == .permissionDenied)
            #expect(try await client.statistics().connections == 1)
        }
    }

    private static func add(_ token: Token, to configuration: inout BrokerConfiguration) {
        configuration.orgs[0].tokens.append(TokenRecord(id: token.id, name: "o", hash: token.hash, role: .operator))
    }

    private func isGoAway(_ frame: ServerFrame?) -> Bool {
        if case .goAway? = frame?.body { true } else { false }
    }

    private func error(of id: UInt64, _ client: WireConversation) async throws -> BackendError? {
        for frame in try await client.client.frames(of: id) {
            if case .error(let error) = frame.body { return error }
        }
        return nil
    }
}
