import Testing

@testable import BrokerWire

@Suite struct CreditWindowsTests {
    enum Event {
        case received(Int, isSound: Bool)
        case consumed(Int, gives: Int?)
        case granted(UInt64, isSound: Bool)
        case sent(Int)
        case unsent(Int)
        case suspended
        case resumed
    }

    static let maximum: UInt64 = 1 << 62

    /// What happens to a window of 100, and the credit for sending that is left of it.
    static let histories: [(name: String, events: [Event], sendCredit: Int)] = [
        ("nothing", [], 100),
        ("sending draws", [.sent(60), .sent(40)], 0),
        ("what was not sent is free again", [.sent(60), .unsent(10)], 50),
        ("a grant adds", [.sent(100), .granted(7, isSound: true)], 7),
        ("a grant of nothing", [.granted(0, isSound: true)], 100),
        ("exactly the window", [.received(100, isSound: true), .received(0, isSound: true)], 100),
        ("one more than the window", [.received(100, isSound: true), .received(1, isSound: false)], 100),
        ("all at once", [.received(101, isSound: false)], 100),
        (
            "half of the window is given back, and may come again",
            [
                .received(100, isSound: true), .consumed(49, gives: nil), .consumed(1, gives: 50),
                .received(50, isSound: true), .received(1, isSound: false),
            ], 100
        ),
        ("nothing used up is nothing given", [.consumed(0, gives: nil)], 100),
        (
            "what is used up is given once",
            [.received(80, isSound: true), .consumed(80, gives: 80), .consumed(1, gives: nil)], 100
        ),
        ("the most", [.granted(maximum - 100, isSound: true)], 1 << 62),
        ("one more than the most", [.granted(maximum - 99, isSound: false)], 100),
        ("the most twice", [.granted(maximum - 100, isSound: true), .granted(maximum, isSound: false)], 1 << 62),
        ("the most and one", [.granted(maximum - 100, isSound: true), .granted(1, isSound: false)], 1 << 62),
        ("nothing may be sent while suspended", [.suspended, .granted(5, isSound: true), .suspended], 0),
        (
            "what came meanwhile counts afterwards",
            [.sent(60), .suspended, .unsent(10), .granted(7, isSound: true), .resumed, .resumed], 57
        ),
        ("the most while suspended", [.suspended, .granted(maximum - 99, isSound: false), .resumed], 100),
        ("more than a number holds", [.granted(.max, isSound: false)], 100),
    ]

    @Test(arguments: histories.map(\.name))
    func keepsTheBooks(name: String) throws {
        let history = try #require(Self.histories.first { $0.name == name })
        var send = SendWindow(100)
        var receive = ReceiveWindow(100)
        for event in history.events {
            switch event {
            case .received(let bytes, let isSound):
                let result = receive.received(bytes)
                #expect(result == isSound)
            case .consumed(let bytes, let credit):
                let result = receive.consumed(bytes)
                #expect(result == credit)
            case .granted(let bytes, let isSound):
                let result = send.granted(bytes)
                #expect(result == isSound)
            case .sent(let bytes): send.sent(bytes)
            case .unsent(let bytes): send.unsent(bytes)
            case .suspended: send.suspend()
            case .resumed: send.resume()
            }
        }
        #expect(send.credit == history.sendCredit)
    }

    /// Whatever the pieces, all that was used up is given back in time: a peer never waits for ever.
    @Test(arguments: [1, 2, 3, 7, 100])
    func aWindowNeverDriesUp(window: Int) {
        var receive = ReceiveWindow(window)
        var peer = window
        for count in 1...1000 {
            let piece = min(peer, 1 + count % window)
            #expect(piece > 0)
            peer -= piece
            let isSound = receive.received(piece)
            #expect(isSound)
            peer += receive.consumed(piece) ?? 0
        }
        #expect(peer > 0)
    }
}
