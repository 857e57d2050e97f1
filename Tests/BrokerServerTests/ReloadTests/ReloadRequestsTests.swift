import AgentBackend
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerServer

@Suite(.timeLimit(.minutes(1))) struct ReloadRequestsTests {
    private let requests = ReloadRequests()

    /// Who asks while a reload is under way gets the next one.
    @Test func aReloadAnswersThoseWhoAskedBeforeItBegan() async throws {
        var arrivals = requests.arrivals.makeAsyncIterator()
        async let first = requests.request().connectionsEnded
        await arrivals.next()
        let taken = requests.take()
        async let second = requests.request().connectionsEnded
        await arrivals.next()
        for waiter in taken { waiter.resume(returning: .success(ReloadOutcome(differences: [], connectionsEnded: 1))) }
        #expect(try await first == 1)
        for waiter in requests.take() {
            waiter.resume(returning: .success(ReloadOutcome(differences: [], connectionsEnded: 2)))
        }
        #expect(try await second == 2)
    }

    @Test func asManyAsAskAreServedAtOnce() async throws {
        var arrivals = requests.arrivals.makeAsyncIterator()
        requests.signal()
        requests.signal()
        await arrivals.next()
        #expect(requests.take().isEmpty)
        requests.close()
        #expect(await arrivals.next() == nil)
        let error = await #expect(throws: BackendError.self) { _ = try await requests.request() }
        #expect(error?.code == .shuttingDown)
    }
}

/// Over a real socket.
@Suite(.timeLimit(.minutes(1))) struct ReloadVerbTests {
    /// A broker that was started without a file has nothing to read again, whoever asks.
    @Test func thereMustBeAFile() async throws {
        try await withBroker(configure: { $0.orgs[0].tokens[0].role = .operator }) { broker in
            let ops = try await WireConversation(with: broker)
            let error = try await #require(throws: BackendError.self) { try await ops.call(ops.frame(.reload)) }
            #expect(error.code == .invalidConfiguration && error.operation == "reload")
            #expect(error.message.contains("--config"))
            await ops.client.close()
        }
    }
}
