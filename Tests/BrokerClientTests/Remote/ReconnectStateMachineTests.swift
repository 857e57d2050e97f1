import AgentBackend
import Testing

@testable import BrokerClient

@Suite struct ReconnectStateMachineTests {
    typealias Machine = ReconnectStateMachine

    enum Event: CaseIterable {
        case callWaits
        case connectionWanted
        case attemptSucceeded
        /// With an error that may be gone at the next attempt.
        case attemptFailed
        case attemptRefused
        /// The broker that answered is about to end.
        case attemptTurnedAway
        case connectionLost
        case waitEnded
        case destroyed
    }

    private static let lost = BackendError(.connectionClosed, message: "lost", isRetryable: true)
    private static let planned = BackendError(.shuttingDown, message: "shuts down", isRetryable: true)
    private static let refused = BackendError(.authFailed, message: "unknown token")

    private static func apply(_ event: Event, to machine: inout Machine) -> [Machine.Action] {
        switch event {
        case .callWaits: machine.callWaits()
        case .connectionWanted: machine.connectionWanted()
        case .attemptSucceeded: machine.attemptSucceeded()
        case .attemptFailed: machine.attemptFailed(lost, mayRecover: true)
        case .attemptRefused: machine.attemptFailed(refused, mayRecover: false)
        case .attemptTurnedAway: machine.attemptFailed(planned, mayRecover: true)
        case .connectionLost: machine.connectionLost(lost)
        case .waitEnded: machine.waitEnded()
        case .destroyed: machine.destroyed()
        }
    }

    /// An action as the tables name it.
    private static func text(_ action: Machine.Action) -> String {
        switch action {
        case .report(let status, nil): "\(status)"
        case .report(let status, let cause?): "\(status) for \(cause.code)"
        case .connect: "connect"
        case .wait(let time): "wait \(time.components.seconds)"
        case .endWait: "end wait"
        case .callOffAttempt: "call off"
        case .sendWaiting: "send"
        case .failWaiting(let error): "fail \(error.code)"
        }
    }

    struct History: Sendable, CustomTestStringConvertible {
        let name: String
        var policy = ReconnectPolicy()
        let events: [Event]
        /// Of the last event.
        let actions: [String]

        var testDescription: String { name }
    }

    private static let gone = "disconnected for CONNECTION_CLOSED"
    private static let again = "reconnecting for CONNECTION_CLOSED"

    static let histories: [History] = [
        History(name: "the first call connects", events: [.callWaits], actions: ["connecting", "connect"]),
        History(name: "a connection is wanted", events: [.connectionWanted], actions: ["connecting", "connect"]),
        History(name: "the second call waits with it", events: [.callWaits, .callWaits], actions: []),
        History(
            name: "it is made",
            events: [.callWaits, .attemptSucceeded],
            actions: ["connected", "send"]
        ),
        History(name: "a call finds it", events: [.callWaits, .attemptSucceeded, .callWaits], actions: ["send"]),
        History(
            name: "an attempt that was asked for is made once",
            events: [.callWaits, .attemptFailed],
            actions: [gone, "fail CONNECTION_CLOSED"]
        ),
        History(
            name: "but for one that met a broker at its end",
            events: [.callWaits, .attemptTurnedAway],
            actions: ["disconnected for SHUTTING_DOWN", "reconnecting for SHUTTING_DOWN", "wait 2"]
        ),
        History(
            name: "which also ends at some time",
            events: [.callWaits] + Array(repeating: [.attemptTurnedAway, .waitEnded], count: 4).flatMap { $0 }
                + [.attemptTurnedAway],
            actions: ["disconnected for SHUTTING_DOWN", "fail SHUTTING_DOWN"]
        ),
        History(
            name: "unless the policy is against it",
            policy: ReconnectPolicy(isEnabled: false),
            events: [.callWaits, .attemptTurnedAway],
            actions: ["disconnected for SHUTTING_DOWN", "fail SHUTTING_DOWN"]
        ),
        History(
            name: "and may be asked for again",
            events: [.callWaits, .attemptFailed, .callWaits],
            actions: ["connecting", "connect"]
        ),
        History(
            name: "what is lost is made again",
            events: [.callWaits, .attemptSucceeded, .connectionLost],
            actions: [gone, again, "wait 1"]
        ),
        History(
            name: "a call waits for that",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .callWaits],
            actions: []
        ),
        History(
            name: "who wants it now need not wait",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .connectionWanted],
            actions: ["end wait", "connecting", "connect"]
        ),
        History(
            name: "the wait ends",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .waitEnded],
            actions: ["connecting", "connect"]
        ),
        History(
            name: "a failed attempt is followed by another, later",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .waitEnded, .attemptFailed],
            actions: [gone, again, "wait 2"]
        ),
        History(
            name: "the budget is used up",
            policy: ReconnectPolicy(maximumAttempts: 2),
            events: [
                .callWaits, .attemptSucceeded, .connectionLost, .waitEnded, .attemptFailed, .waitEnded, .attemptFailed,
            ],
            actions: [gone, "fail CONNECTION_CLOSED"]
        ),
        History(
            name: "success resets the budget",
            policy: ReconnectPolicy(maximumAttempts: 2),
            events: [
                .callWaits, .attemptSucceeded, .connectionLost, .waitEnded, .attemptFailed, .waitEnded,
                .attemptSucceeded, .connectionLost, .waitEnded, .attemptFailed,
            ],
            actions: [gone, again, "wait 2"]
        ),
        History(
            name: "what will not get better is not tried again",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .waitEnded, .attemptRefused],
            actions: ["disconnected for AUTH_FAILED", "fail AUTH_FAILED"]
        ),
        History(
            name: "without reconnecting it stays away",
            policy: ReconnectPolicy(isEnabled: false),
            events: [.callWaits, .attemptSucceeded, .connectionLost],
            actions: [gone]
        ),
        History(
            name: "until a call needs it",
            policy: ReconnectPolicy(isEnabled: false),
            events: [.callWaits, .attemptSucceeded, .connectionLost, .callWaits],
            actions: ["connecting", "connect"]
        ),
        History(name: "destroyed before it began", events: [.destroyed], actions: ["fail BACKEND_DESTROYED"]),
        History(
            name: "destroyed while it connects",
            events: [.callWaits, .destroyed],
            actions: ["call off", "fail BACKEND_DESTROYED"]
        ),
        History(
            name: "destroyed while it is connected",
            events: [.callWaits, .attemptSucceeded, .destroyed],
            actions: ["fail BACKEND_DESTROYED"]
        ),
        History(
            name: "destroyed while it waits",
            events: [.callWaits, .attemptSucceeded, .connectionLost, .destroyed],
            actions: ["end wait", "fail BACKEND_DESTROYED"]
        ),
        History(name: "destroyed twice", events: [.destroyed, .destroyed], actions: []),
        History(name: "a call after that", events: [.destroyed, .callWaits], actions: ["fail BACKEND_DESTROYED"]),
        History(
            name: "an attempt that ends after that",
            events: [.callWaits, .destroyed, .attemptSucceeded],
            actions: []
        ),
    ]

    @Test(arguments: histories)
    func doesWhatTheTableSays(history: History) {
        var machine = Machine(history.policy, generator: Highest())
        var actions: [Machine.Action] = []
        for event in history.events { actions = Self.apply(event, to: &machine) }
        #expect(actions.map(Self.text) == history.actions)
    }

    // MARK: Properties

    /// What a status may become, as the semantics say; destroyed always.
    private static let successors: [BackendStatus: Set<BackendStatus>] = [
        .disconnected: [.connecting, .reconnecting],
        .reconnecting: [.connecting],
        .connecting: [.connected, .disconnected],
        .connected: [.disconnected],
        .destroyed: [],
    ]

    /// Whatever happens, in whatever order: each report is of a change that may be, and every attempt and wait that
    /// begins is one at a time.
    @Test(arguments: 0..<200)
    func everyTransitionIsLegalAndReportedOnce(seed: UInt64) {
        var random = Xorshift(seed: seed)
        let policy = ReconnectPolicy(isEnabled: seed % 3 > 0, maximumAttempts: Int(seed % 4))
        var machine = Machine(policy, generator: Xorshift(seed: seed))
        var status = BackendStatus.disconnected
        var isAttempting = false
        var isWaiting = false
        for _ in 0..<200 {
            var events: [Event] = [.callWaits, .connectionWanted, .connectionLost]
            if isAttempting { events += [.attemptSucceeded, .attemptFailed, .attemptTurnedAway, .attemptRefused] }
            if isWaiting { events += [.waitEnded, .waitEnded] }
            if Int.random(in: 0..<100, using: &random) == 0 { events = [.destroyed] }
            guard let event = events.randomElement(using: &random) else { return }
            switch event {
            case .attemptSucceeded, .attemptFailed, .attemptRefused, .attemptTurnedAway: isAttempting = false
            case .waitEnded: isWaiting = false
            case .callWaits, .connectionWanted, .connectionLost, .destroyed: break
            }
            for action in Self.apply(event, to: &machine) {
                switch action {
                case .report(let next, _):
                    #expect(Self.successors[status]?.contains(next) == true, "\(status) → \(next)")
                    status = next
                case .connect:
                    #expect(!isAttempting && !isWaiting && status == .connecting)
                    isAttempting = true
                case .wait:
                    #expect(!isAttempting && !isWaiting && status == .reconnecting)
                    isWaiting = true
                case .endWait:
                    #expect(isWaiting)
                    isWaiting = false
                case .callOffAttempt:
                    #expect(isAttempting)
                    isAttempting = false
                case .sendWaiting:
                    #expect(status == .connected)
                case .failWaiting:
                    #expect(status == .disconnected || status == .destroyed || event == .destroyed)
                }
            }
            if event == .destroyed { status = .destroyed }
            // Calls that wait are never forgotten: something is under way that will end their wait.
            if status == .connecting { #expect(isAttempting) }
            if status == .reconnecting { #expect(isWaiting) }
        }
    }

    @Test func anAttemptThatIsRefusedForAWhileWaitsForThat() {
        var machine = Machine(ReconnectPolicy(), generator: Highest())
        for event in [Event.callWaits, .attemptSucceeded, .connectionLost, .waitEnded] {
            _ = Self.apply(event, to: &machine)
        }
        let busy = BackendError(.resourceExhausted, message: "full", isRetryable: true, retryAfter: .seconds(17))
        let actions = machine.attemptFailed(busy, mayRecover: true)
        #expect(actions.map(Self.text).last == "wait 17")
    }

    // MARK: The policy

    @Test func delaysGrowToTheirLimit() {
        let policy = ReconnectPolicy()
        let delays = (0..<8).map { policy.longestDelay(after: $0) }
        #expect(delays == [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
        #expect(policy.longestDelay(after: 1_000_000) == .seconds(30))
        #expect(ReconnectPolicy(factor: 1).longestDelay(after: 1_000_000_000) == .seconds(1))
        #expect(ReconnectPolicy(factor: 1e300).longestDelay(after: 3) == .seconds(30))
        #expect(ReconnectPolicy(firstDelay: .zero).longestDelay(after: 9) == .zero)
    }

    /// Full jitter: anything between nothing and the longest delay.
    @Test func delaysAreDrawnFromTheWholeRange() {
        var shortest = Duration.seconds(1)
        var longest = Duration.zero
        for seed: UInt64 in 0..<1000 {
            var machine = Machine(ReconnectPolicy(), generator: Xorshift(seed: seed))
            for event in [Event.callWaits, .attemptSucceeded] { _ = Self.apply(event, to: &machine) }
            guard case .wait(let delay) = Self.apply(.connectionLost, to: &machine).last else {
                Issue.record("no wait")
                return
            }
            shortest = min(shortest, delay)
            longest = max(longest, delay)
        }
        #expect(shortest < .milliseconds(20))
        #expect(longest > .milliseconds(980))
        #expect(longest <= .seconds(1))
    }

    @Test(arguments: [
        ReconnectPolicy(maximumAttempts: -1), ReconnectPolicy(firstDelay: .seconds(-1)), ReconnectPolicy(factor: 0.5),
        ReconnectPolicy(factor: .nan), ReconnectPolicy(factor: .infinity), ReconnectPolicy(maximumDelay: .seconds(-1)),
    ])
    func aPolicyThatMakesNoSenseIsRefused(policy: ReconnectPolicy) {
        let error = #expect(throws: BackendError.self) { try policy.validate() }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func thePolicysDefaultsAreSound() throws {
        try ReconnectPolicy().validate()
    }
}

/// Always draws the longest delay.
struct Highest: RandomNumberGenerator, Sendable {
    func next() -> UInt64 { .max }
}

/// Numbers that look like chance, the same for the same seed.
private struct Xorshift: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
