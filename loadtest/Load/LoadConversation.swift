internal import NIOCore

/// What is said on one connection after the hello: takes in the server's bytes, appends to ``out`` what is to be
/// sent. Does no I/O and reads no clock; times are arguments, in nanoseconds.
struct LoadConversation {
    private let limits: SessionLimits
    private var calls: LoadCalls
    /// Payload bytes that were received and not yet given back to the server as credit.
    private var uncredited = 0

    /// For the driver to send.
    var out = ByteBuffer()

    init(
        connection: UInt32,
        depth: Int,
        templates: [CallTemplate],
        first: Int = 0,
        turn: LoadCalls.Turn? = nil,
        limits: SessionLimits
    ) throws(LoadFailure) {
        self.limits = limits
        calls = try LoadCalls(
            connection: connection,
            depth: depth,
            templates: templates,
            first: first,
            turn: turn,
            limits: limits
        )
    }

    /// Calls that are due or sent, and not answered.
    var unanswered: Int { calls.unanswered }

    /// The first calls, one for each place.
    mutating func start(at now: UInt64) throws(LoadFailure) {
        for place in calls.places {
            try calls.start(place, at: now, into: &out)
        }
    }

    /// Handles every whole frame of `bytes`, and starts the next call for each that was answered while `refills`.
    /// Returns how many bytes it handled; the rest is the beginning of a frame. Throws for a wrong answer, and
    /// when the server ends the conversation or breaks the protocol.
    mutating func received(
        _ bytes: Span<UInt8>,
        at now: UInt64,
        refills: Bool,
        tally: inout LoadTally
    ) throws(LoadFailure) -> Int {
        var handled = 0
        while let message = try FrameHeader.message(at: handled, in: bytes, limit: limits.maximumFrame) {
            let frame = try ServerFrame(message, in: bytes)
            if frame.id == 0 {
                try receivedControl(frame, in: bytes)
            } else if let place = try receivedAnswer(frame, in: bytes, at: now, tally: &tally), refills {
                try calls.start(place, at: now, into: &out)
            }
            handled = message.upperBound
        }
        return handled
    }

    /// Returns the place that is free now; nil: more is to come.
    private mutating func receivedAnswer(
        _ frame: ServerFrame,
        in bytes: Span<UInt8>,
        at now: UInt64,
        tally: inout LoadTally
    ) throws(LoadFailure) -> Int? {
        let answer = try calls.received(frame, in: bytes, at: now)
        uncredited += frame.payload.count
        if uncredited >= limits.connectionWindow / 2 {
            out.writeBytes(ClientFrames.window(bytes: uncredited))
            uncredited = 0
        }
        guard let answer else { return nil }
        if let error = answer.error {
            tally.recordError(try ServerError(error, in: bytes))
        } else {
            tally.recordAnswer(latency: answer.latency)
        }
        return answer.place
    }

    private mutating func receivedControl(_ frame: ServerFrame, in bytes: Span<UInt8>) throws(LoadFailure) {
        switch frame.body {
        case .window(let window):
            let stream = try ProtobufFields.value(of: 1, in: window, of: bytes)
            let credit = try ProtobufFields.value(of: 2, in: window, of: bytes)
            // A stream is one frame here, so that credit for it comes too late to be of use.
            if stream == 0 { try calls.receivedWindow(bytes: credit, into: &out) }
        case .ping(let ping):
            out.writeBytes(ClientFrames.pong(nonce: try ProtobufFields.value(of: 1, in: ping, of: bytes)))
        case .pong:
            break
        case .goAway(let goAway):
            throw .connection("the server says go away: \(try ServerError(goAway: goAway, in: bytes))")
        default:
            throw .connection("the server sent \(frame.body) without an id")
        }
    }
}
