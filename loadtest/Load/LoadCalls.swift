internal import NIOCore

/// The calls of one connection: gives out ids, checks every answer against what was asked, and keeps to the
/// credit that the server gave. Does no I/O and reads no clock: frames go to a buffer, times are arguments, in
/// nanoseconds.
///
/// A connection has `depth` places, each with at most one call. An id is `round * places + place` (places
/// rounded up to a power of two), so that an answer leads to its place without a table, and ids only rise.
struct LoadCalls {
    private struct Place {
        /// Index of the template of its call, and of the later ones unless calls take turns.
        var template: Int
        /// Of the call that is unanswered; 0 where there is none.
        var id: UInt64 = 0
        /// When the call was due; later than that it was sent only for want of credit.
        var due: UInt64 = 0
        /// Bytes of output that came so far.
        var output = 0
    }

    private let connection: UInt32
    private let templates: [CallTemplate]
    private let placeMask: UInt64
    private var table: [Place]
    /// Nil: each place has a template of its own.
    private var turn: Turn?
    private var highestID: UInt64 = 0
    private var credit: Int
    /// Places whose call waits for credit, the first to be sent first.
    private var waiting: [Int] = []

    var places: Range<Int> { table.indices }

    /// Calls that are due or sent, and not answered.
    private(set) var unanswered = 0

    /// What calls take of the templates, one after the other.
    struct Turn {
        /// Index of the next one.
        var next: Int
        /// From one to the next, which begins anew at the end.
        let step: Int
    }

    /// `templates`, not empty and of one length, serve the places, beginning with the one at `first`; or, with a `turn`,
    /// the calls.
    init(
        connection: UInt32,
        depth: Int,
        templates: [CallTemplate],
        first: Int = 0,
        turn: Turn? = nil,
        limits: SessionLimits
    ) throws(LoadFailure) {
        for template in templates {
            guard template.contents.bytes.count <= min(limits.streamWindow, limits.connectionWindow),
                template.messageLength <= limits.maximumFrame
            else { throw .settings("the server's limits do not let contents of that size through: \(limits)") }
        }
        self.connection = connection
        self.templates = templates
        self.turn = turn
        table = (0..<depth).map { Place(template: (first + $0) % templates.count) }
        placeMask = UInt64(depth.nextPowerOf2()) - 1
        credit = limits.connectionWindow
    }

    /// The place's call is due: appends it to `out`, or keeps it until there is credit. The place is free.
    mutating func start(_ place: Int, at now: UInt64, into out: inout ByteBuffer) throws(LoadFailure) {
        table[place].due = now
        if let turn {
            table[place].template = turn.next % templates.count
            self.turn?.next = (turn.next + turn.step) % templates.count
        }
        unanswered += 1
        if credit >= template(of: place).payloadLength {
            try send(place, into: &out)
        } else {
            waiting.append(place)
        }
    }

    /// The server gave credit for so many payload bytes more: appends the calls that waited for it.
    mutating func receivedWindow(bytes: UInt64, into out: inout ByteBuffer) throws(LoadFailure) {
        credit += Int(clamping: min(bytes, 1 << 40))
        while let place = waiting.first, credit >= template(of: place).payloadLength {
            waiting.removeFirst()
            try send(place, into: &out)
        }
    }

    /// One call was answered.
    struct Answer {
        /// The place that is free now.
        let place: Int
        /// Nanoseconds since the call was due.
        let latency: UInt64
        /// Where in the message the error lies, if it is one.
        let error: Range<Int>?
    }

    /// A frame with an id arrived. Nil: more is to come. Throws ``LoadFailure/wrongAnswer(_:)`` when it is not the whole
    /// and only answer to a call that is unanswered, or says something else than is right.
    mutating func received(
        _ frame: ServerFrame,
        in message: Span<UInt8>,
        at now: UInt64
    ) throws(LoadFailure) -> Answer? {
        let place = Int(frame.id & placeMask)
        guard place < table.count, table[place].id == frame.id else {
            throw wrong("call \(frame.id) is unknown or was answered before")
        }
        if !frame.isLast, case .reply(let field, let reply) = frame.body {
            let operation = template(of: place).operation
            if field == operation.announcementField { return nil }
            if field == operation.outputField {
                try takeOutput(frame.payload, of: reply, at: place, in: message)
                return nil
            }
        }
        guard frame.isLast else { throw wrong("the answer to call \(frame.id) lacks `last`") }
        let error: Range<Int>?
        switch frame.body {
        case .reply(let field, let reply) where field == template(of: place).operation.answerField:
            try check(reply, payload: frame.payload, of: frame.id, at: place, in: message)
            error = nil
        case .error(let range):
            error = range
        default:
            throw wrong("call \(frame.id) is answered with \(frame.body)")
        }
        table[place].id = 0
        unanswered -= 1
        return Answer(place: place, latency: now &- table[place].due, error: error)
    }

    private mutating func takeOutput(
        _ payload: Range<Int>,
        of output: Range<Int>,
        at place: Int,
        in message: Span<UInt8>
    ) throws(LoadFailure) {
        let offset = table[place].output
        guard try template(of: place).isOutput(payload, of: output, at: offset, in: message) else {
            throw wrong("call \(table[place].id) wrote something else than it should")
        }
        table[place].output += payload.count
    }

    private func check(
        _ reply: Range<Int>,
        payload: Range<Int>,
        of id: UInt64,
        at place: Int,
        in message: Span<UInt8>
    ) throws(LoadFailure) {
        let template = template(of: place)
        let isRight = try template.isAnswered(by: reply, payload: payload, in: message, id: id, connection: connection)
        guard isRight, table[place].output == template.output.count else {
            throw wrong("the answer to call \(id) carries other contents than it should")
        }
    }

    private mutating func send(_ place: Int, into out: inout ByteBuffer) throws(LoadFailure) {
        let candidate = highestID & ~placeMask | UInt64(place)
        highestID = candidate > highestID ? candidate : candidate + placeMask + 1
        guard highestID <= PaddedVarint.maximum else {
            throw .settings("connection \(connection) has used up its ids: measure for a shorter time")
        }
        table[place].id = highestID
        table[place].output = 0
        let template = template(of: place)
        credit -= template.payloadLength
        template.append(id: highestID, connection: connection, to: &out)
    }

    private func template(of place: Int) -> CallTemplate {
        templates[table[place].template]
    }

    private func wrong(_ text: String) -> LoadFailure {
        .wrongAnswer("connection \(connection): \(text)")
    }
}

extension Int {
    /// The least power of two that is not below the value, which is positive.
    fileprivate func nextPowerOf2() -> Int {
        1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
