import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct AdmissionStateMachineTests {
    private static let here = IPAddress("192.0.2.1")
    private static let there = IPAddress("198.51.100.1")

    /// The machine with ids and a clock.
    private final class Subject {
        var machine: AdmissionStateMachine
        var now: Duration = .seconds(1000)
        private var lastID: UInt64 = 0

        init(_ change: (inout BrokerConfiguration.Limits) -> Void = { _ in }) {
            var configuration = BrokerConfiguration(root: "/r", node: "n")
            var limits = configuration.limits
            limits.maxConnections = 6
            limits.maxUnauthenticatedPerAddress = 3
            limits.maxNewConnectionsPerSecondPerAddress = 10
            limits.maxNewConnectionsBurstPerAddress = 5
            limits.authFailureDelay = .milliseconds(100)
            limits.maxAuthFailureDelay = .seconds(1)
            change(&limits)
            configuration.limits = limits
            machine = AdmissionStateMachine(AdmissionLimits(configuration))
        }

        enum Outcome: Equatable {
            case served
            case servedInPlaceOf(UInt64, limit: String?)
            case refused(limit: String?)
        }

        @discardableResult
        func arrive(_ address: IPAddress?) -> Outcome {
            lastID += 1
            switch machine.arrived(lastID, from: address, at: now) {
            case .serve(nil): return .served
            case .serve(let displaced?): return .servedInPlaceOf(displaced.id, limit: displaced.error.limit?.name)
            case .refuse(let error): return .refused(limit: error.limit?.name)
            }
        }

        func arriveAndProve(_ address: IPAddress?) -> Outcome {
            let outcome = arrive(address)
            _ = machine.authenticated(lastID, at: now)
            return outcome
        }

        func prove(_ id: UInt64) -> Bool { machine.authenticated(id, at: now) }

        func fail(_ address: IPAddress?) -> Duration {
            arrive(address)
            let delay = machine.authenticationFailed(lastID, at: now).delay
            machine.left(lastID, at: now)
            return delay
        }
    }

    // MARK: Of one address

    @Test func ofSilentConnectionsOfOneAddressTheOldestGoes() {
        let subject = Subject()
        for _ in 1...3 { #expect(subject.arrive(Self.here) == .served) }
        #expect(
            subject.arrive(Self.here) == .servedInPlaceOf(1, limit: "unauthenticated_connections_per_address")
        )
        #expect(subject.arrive(Self.there) == .served)
        // One that left makes room.
        subject.machine.left(3, at: subject.now)
        #expect(subject.arrive(Self.here) == .served)
        #expect(subject.machine.counts.displaced == 1)
    }

    /// From then on it counts for its org, and neither goes for another nor keeps another out.
    @Test func aConnectionWithAValidTokenCountsForItsAddressNoMore() {
        let subject = Subject { $0.maxConnections = 100 }
        for _ in 1...50 { #expect(subject.arriveAndProve(Self.here) == .served) }
        for _ in 51...53 { #expect(subject.arrive(Self.here) == .served) }
        #expect(
            subject.arrive(Self.here) == .servedInPlaceOf(51, limit: "unauthenticated_connections_per_address")
        )
    }

    @Test func aFloodFromOneAddressIsRefusedUntilTimeHasPassed() throws {
        let subject = Subject { $0.maxUnauthenticatedPerAddress = 100 }
        for _ in 1...5 { #expect(subject.arrive(Self.here) == .served) }
        guard case .refuse(let error) = subject.machine.arrived(6, from: Self.here, at: subject.now) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .resourceExhausted)
        #expect(error.limit == LimitDetails(name: "new_connections_burst_per_address", used: 5, allowed: 5))
        #expect(error.isRetryable)
        #expect(error.retryAfter == .milliseconds(100))
        // The address beside it is another's.
        #expect(subject.arrive(Self.there) == .served)
        subject.now += .milliseconds(99)
        #expect(subject.arrive(Self.here) == .refused(limit: "new_connections_burst_per_address"))
        subject.now += .milliseconds(1)
        subject.machine.left(1, at: subject.now)
        #expect(subject.arrive(Self.here) == .served)
        #expect(subject.machine.counts.refused == 2)
    }

    @Test func exemptAddressesAndUnixSocketsHaveNoSuchLimits() {
        let subject = Subject {
            $0.maxConnections = 100
            $0.exemptAddresses = [AddressRange("192.0.2.0/24")].compactMap { $0 }
        }
        for _ in 1...40 {
            #expect(subject.arrive(Self.here) == .served)
            #expect(subject.arrive(nil) == .served)
        }
        for _ in 1...10 { #expect(subject.fail(Self.here) == .milliseconds(100)) }
    }

    // MARK: In all

    @Test func whenThereAreTooManyTheOldestSilentOneGoes() {
        let subject = Subject()
        #expect(subject.arriveAndProve(nil) == .served)
        for _ in 2...6 { #expect(subject.arrive(nil) == .served) }
        #expect(subject.arriveAndProve(Self.there) == .servedInPlaceOf(2, limit: "connections"))
        // It was given away: a hello that comes now is too late.
        #expect(!subject.prove(2))
        subject.machine.left(2, at: subject.now)
        #expect(subject.arrive(nil) == .servedInPlaceOf(3, limit: "connections"))
    }

    @Test func connectionsWithAValidTokenGoForNobody() {
        let subject = Subject()
        for _ in 1...6 { #expect(subject.arriveAndProve(Self.here) == .served) }
        #expect(subject.arrive(Self.there) == .refused(limit: "connections"))
        subject.machine.left(4, at: subject.now)
        #expect(subject.arrive(Self.there) == .served)
    }

    /// What connections leave of them is for files and commands.
    @Test(arguments: [(Int.max, 10_000), (20_000, 10_000), (10_000, 7696), (1000, 500), (1, 1)])
    func connectionsLeaveDescriptorsForCalls(descriptors: Int, connections: Int) {
        let configuration = BrokerConfiguration(root: "/r", node: "n")
        #expect(AdmissionLimits(configuration, descriptors: descriptors).maximumConnections == connections)
    }

    // MARK: Wrong tokens

    @Test func eachWrongTokenOfAnAddressWaitsLonger() {
        let subject = Subject { $0.maxNewConnectionsBurstPerAddress = 100 }
        let delays = (1...6).map { _ in subject.fail(Self.here) }
        #expect(delays == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(subject.fail(Self.there) == .milliseconds(100))
        // One is forgotten every ten seconds.
        subject.now += .seconds(40)
        #expect(subject.fail(Self.here) == .milliseconds(400))
        subject.now += .seconds(3600)
        #expect(subject.fail(Self.here) == .milliseconds(100))
        #expect(subject.machine.counts.authFailures == 9)
    }

    /// Whoever is behind the same translated address comes in at once.
    @Test func aRightTokenDoesNotWaitForOthersWrongOnes() {
        let subject = Subject { $0.maxNewConnectionsBurstPerAddress = 1000 }
        for _ in 1...100 { _ = subject.fail(Self.here) }
        for _ in 1...6 { #expect(subject.arriveAndProve(Self.here) == .served) }
    }

    /// A connection that waits to be told counts as one that has shown nothing: it keeps nobody out.
    @Test func connectionsThatWaitToBeRefusedGoFirst() {
        let subject = Subject()
        for id: UInt64 in 1...3 {
            subject.arrive(Self.here)
            _ = subject.machine.authenticationFailed(id, at: subject.now)
        }
        #expect(
            subject.arriveAndProve(Self.here)
                == .servedInPlaceOf(1, limit: "unauthenticated_connections_per_address")
        )
    }

    // MARK: Memory

    @Test func theTableOfAddressesHasABound() throws {
        var ledger = AddressLedger(maximumAbsent: 1000, arrivals: .perSecond(1))
        for number in 0..<100_000 {
            let address = try #require(
                IPAddress("2001:db8:\(String(number >> 16, radix: 16)):\(String(number & 0xffff, radix: 16))::")
            )
            ledger.update(address, at: .zero) { $0.failures.failed(at: .zero) }
            #expect(ledger.count <= 1000)
        }
        #expect(ledger.count >= 500)
    }

    @Test func whatSaysNothingIsNotKept() throws {
        var ledger = AddressLedger(maximumAbsent: 1000, arrivals: .perSecond(1))
        let address = try #require(Self.here)
        ledger.update(address, at: .zero) { record in
            _ = record.bucket.take(at: .zero)
            record.unauthenticated.insert(1)
        }
        ledger.update(address, at: .milliseconds(999)) { $0.unauthenticated.remove(1) }
        #expect(ledger.count == 1)
        ledger.update(address, at: .seconds(1)) { _ in }
        #expect(ledger.count == 0)
    }

    @Test func idsAreKeptInOrderHoweverTheyCome() {
        var ids = OrderedIDs()
        for id: UInt64 in [2, 1, 5, 4, 3, 9] { ids.insert(id) }
        for id: UInt64 in [7, 1, 9, 4] { ids.remove(id) }
        #expect(ids.count == 3)
        #expect(ids.first == 2)
        ids.remove(2)
        #expect(ids.first == 3)
    }
}
