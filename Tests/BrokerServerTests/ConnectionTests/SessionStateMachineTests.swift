import AgentBackend
import BrokerWire
import Testing

@testable import BrokerServer

@Suite struct SessionStateMachineTests {
    enum Event: Sendable {
        case hello(ClosedRange<UInt32> = 1...1, name: String = "")
        case authenticated
        case call(UInt64)
        case chunk(UInt64)
        case unknown(UInt64)
        case callEnded
        case inputClosed
        case drain
        case close
    }

    /// The actions by their names and what tells them apart; of errors the code.
    private func apply(_ event: Event, to machine: inout SessionStateMachine) -> String {
        switch event {
        case .hello(let versions, let name):
            switch machine.receivedHello(Hello(versions: versions, token: "t", clientName: name)) {
            case .authenticate(_, let version): "authenticate \(version)"
            case .close(let error): "close \(error.code)"
            case .ignore: "ignore"
            }
        case .authenticated: machine.authenticated() ? "open" : "nobody waits"
        case .call(let id):
            switch machine.receivedCall(id) {
            case .start: "start"
            case .refuse(let error): "refuse \(error.code)"
            case .close(let error): "close \(error.code)"
            case .ignore: "ignore"
            }
        case .chunk(let id):
            switch machine.receivedChunk(id) {
            case .deliver: "deliver"
            case .close(let error): "close \(error.code)"
            case .ignore: "ignore"
            }
        case .unknown(let id):
            switch machine.receivedUnknown(id) {
            case .failCall: "fail"
            case .refuseCall: "refuse"
            case .ignore: "ignore"
            }
        case .callEnded: "\(machine.callEnded())"
        case .inputClosed: "\(machine.inputClosed())"
        case .drain:
            switch machine.drain() {
            case .sendGoAway(let lastID, let callsInFlight): "go away after \(lastID), \(callsInFlight) in flight"
            case .ignore: "ignore"
            }
        case .close: machine.close().map { "last was \($0)" } ?? "was over"
        }
    }

    private static let opening: [(Event, String)] = [(.hello(), "authenticate 1"), (.authenticated, "open")]

    /// Conversations on a connection that takes two calls at a time.
    static let conversations: [(name: String, steps: [(Event, String)])] = [
        ("hello", opening),
        ("a range with the version in it", [(.hello(0...9), "authenticate 1")]),
        ("versions too new", [(.hello(2...9), "close PROTOCOL_ERROR"), (.hello(), "ignore")]),
        ("versions too old", [(.hello(0...0), "close PROTOCOL_ERROR")]),
        ("a long name", [(.hello(name: String(repeating: "x", count: 129)), "close PROTOCOL_ERROR")]),
        ("a long enough name", [(.hello(name: String(repeating: "x", count: 128)), "authenticate 1")]),
        ("hello twice", opening + [(.hello(), "close PROTOCOL_ERROR"), (.call(1), "ignore")]),
        (
            "hello twice at once",
            [(.hello(), "authenticate 1"), (.hello(), "ignore"), (.authenticated, "open")]
        ),
        ("authenticated without a hello", [(.authenticated, "nobody waits")]),

        ("a call before the hello", [(.call(1), "close PROTOCOL_ERROR")]),
        ("a call before the reply", [(.hello(), "authenticate 1"), (.call(1), "ignore"), (.unknown(1), "ignore")]),
        ("a chunk before the hello", [(.chunk(1), "close PROTOCOL_ERROR")]),
        ("a chunk before the reply", [(.hello(), "authenticate 1"), (.chunk(1), "ignore")]),
        ("ids rise", opening + [(.call(1), "start"), (.call(7), "start")]),
        ("the highest id", opening + [(.call(.max), "start"), (.call(.max), "close PROTOCOL_ERROR")]),
        ("an id again", opening + [(.call(5), "start"), (.call(5), "close PROTOCOL_ERROR")]),
        (
            "an id that falls",
            opening + [(.call(5), "start"), (.callEnded, "wait"), (.call(4), "close PROTOCOL_ERROR")]
        ),
        ("the connection's own id", opening + [(.call(0), "close PROTOCOL_ERROR")]),
        (
            "too many",
            opening + [
                (.call(1), "start"), (.call(2), "start"), (.call(3), "refuse RESOURCE_EXHAUSTED"), (.callEnded, "wait"),
                (.call(4), "start"), (.call(3), "close PROTOCOL_ERROR"),
            ]
        ),
        (
            "chunks",
            opening + [(.call(5), "start"), (.chunk(5), "deliver"), (.callEnded, "wait"), (.chunk(5), "deliver")]
        ),
        ("a chunk of nothing", opening + [(.call(5), "start"), (.chunk(6), "close PROTOCOL_ERROR")]),
        ("a chunk of the connection", opening + [(.chunk(0), "close PROTOCOL_ERROR")]),
        (
            "what only a newer client knows",
            opening + [(.unknown(0), "ignore"), (.unknown(1), "refuse"), (.call(1), "start"), (.unknown(1), "fail")]
        ),
        ("the same too early", [(.unknown(0), "ignore"), (.unknown(1), "refuse")]),

        ("the client closes, idle", opening + [(.inputClosed, "close"), (.inputClosed, "close")]),
        (
            "the client closes, calls in flight",
            opening + [
                (.call(1), "start"), (.call(2), "start"), (.inputClosed, "wait"), (.callEnded, "wait"),
                (.callEnded, "close"),
            ]
        ),
        ("the client closes before its hello", [(.inputClosed, "close"), (.hello(), "ignore")]),
        (
            "the client closes before it is refused",
            [(.hello(), "authenticate 1"), (.inputClosed, "wait"), (.close, "last was 0")]
        ),

        (
            "shutdown, idle",
            opening + [(.drain, "go away after 0, 0 in flight"), (.drain, "ignore"), (.call(1), "ignore")]
        ),
        (
            "shutdown, calls in flight",
            opening + [
                (.call(4), "start"), (.drain, "go away after 4, 1 in flight"), (.drain, "ignore"),
                (.call(5), "refuse SHUTTING_DOWN"),
                (.chunk(4), "deliver"), (.callEnded, "close"), (.call(6), "ignore"),
            ]
        ),
        ("shutdown before the hello", [(.drain, "go away after 0, 0 in flight"), (.hello(), "ignore")]),
        (
            "shutdown before the reply",
            [
                (.hello(), "authenticate 1"), (.drain, "go away after 0, 0 in flight"),
                (.authenticated, "nobody waits"),
            ]
        ),

        (
            "the end",
            opening + [(.call(3), "start"), (.close, "last was 3"), (.close, "was over"), (.callEnded, "wait")]
        ),
        // The go-away that tells of a fault says what was started all the same.
        (
            "the end by a fault",
            opening + [
                (.call(3), "start"), (.call(2), "close PROTOCOL_ERROR"), (.call(4), "ignore"), (.chunk(3), "ignore"),
                (.callEnded, "wait"), (.close, "last was 3"), (.close, "was over"),
            ]
        ),
        (
            "the end by a second hello",
            opening + [(.call(3), "start"), (.hello(), "close PROTOCOL_ERROR"), (.close, "last was 3")]
        ),
        (
            "the end by a chunk",
            opening + [(.call(3), "start"), (.chunk(4), "close PROTOCOL_ERROR"), (.close, "last was 3")]
        ),
        ("the end by no hello", [(.call(3), "close PROTOCOL_ERROR"), (.inputClosed, "close"), (.close, "last was 0")]),
        // Ids above those of the go-away were promised not to be started; a second one does not take that back.
        (
            "the end of a shutdown",
            opening + [
                (.call(3), "start"), (.drain, "go away after 3, 1 in flight"), (.call(9), "refuse SHUTTING_DOWN"),
                (.close, "last was 3"),
            ]
        ),
    ]

    @Test(arguments: conversations.map(\.name))
    func converses(name: String) throws {
        let conversation = try #require(Self.conversations.first { $0.name == name })
        var machine = SessionStateMachine(maximumCallsInFlight: 2)
        for (index, (event, action)) in conversation.steps.enumerated() {
            let result = apply(event, to: &machine)
            #expect(result == action, "step \(index + 1): \(event)")
        }
    }

    @Test func saysWhereItIs() {
        var machine = SessionStateMachine(maximumCallsInFlight: 2)
        #expect(machine.isAwaitingHello && !machine.isOpen && !machine.isClosed)
        _ = machine.receivedHello(Hello(token: "", clientName: ""))
        #expect(!machine.isAwaitingHello && !machine.isOpen && !machine.isClosed)
        _ = machine.authenticated()
        #expect(machine.isOpen && !machine.isInputClosed)
        _ = machine.receivedCall(1)
        _ = machine.inputClosed()
        #expect(machine.isOpen && machine.isInputClosed)
        _ = machine.close()
        #expect(machine.isClosed && !machine.isOpen)
    }

    @Test func theLimitOfCallsIsInTheError() {
        var machine = SessionStateMachine(maximumCallsInFlight: 1)
        _ = machine.receivedHello(Hello(token: "", clientName: ""))
        _ = machine.authenticated()
        _ = machine.receivedCall(1)
        guard case .refuse(let error) = machine.receivedCall(2) else {
            Issue.record("not refused")
            return
        }
        #expect(error.limit == LimitDetails(name: "connection_calls_in_flight", used: 1, allowed: 1))
        #expect(error.isRetryable)
    }
}
