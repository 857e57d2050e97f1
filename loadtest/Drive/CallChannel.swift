internal import NIOCore

/// The calls on one connection after the hello: gives out ids, keeps to the server's credit and to a number of unanswered
/// calls, puts answers together, and gives credit back. Does no I/O and reads no clock; what is to be sent lies in ``out``.
struct CallChannel {
    /// A call that was handed over.
    struct Entry {
        var call: Call
        /// When it was due, in nanoseconds.
        var due: UInt64
        /// What came so far of its payload.
        var payload: [UInt8] = []
        /// Of that, what was not yet given back as credit.
        var uncredited = 0
    }

    /// An answer that is whole.
    enum Answer {
        case outcome(CallOutcome)
        case error(ServerError)
    }

    private let limits: SessionLimits
    private let depth: Int
    private var lastID: UInt64 = 0
    private var credit: Int
    private var uncredited = 0
    private(set) var sent: [UInt64: Entry] = [:]
    /// Handed over, and not sent for want of credit or of room.
    private var waiting: [Entry] = []
    private var firstWaiting = 0

    /// For the driver to send.
    var out = ByteBuffer()
    /// The server ends the conversation: nothing more is sent.
    private(set) var isGoingAway = false

    init(limits: SessionLimits, depth: Int) {
        self.limits = limits
        self.depth = depth
        credit = limits.connectionWindow
    }

    /// Handed over, and not answered.
    var unanswered: Int { sent.count + waiting.count - firstWaiting }

    /// Takes a call. `workload` encodes it, now or later.
    mutating func submit(_ entry: Entry, _ workload: borrowing Workload) {
        waiting.append(entry)
        sendWaiting(workload)
    }

    /// Takes a call that has to wait for a connection.
    mutating func keep(_ entry: Entry) { waiting.append(entry) }

    /// All calls that are not answered: first those that were sent, then those that were not. None are left.
    mutating func takeUnanswered() -> (sent: [Entry], waiting: [Entry]) {
        defer {
            sent = [:]
            waiting = []
            firstWaiting = 0
        }
        return (sent.sorted { $0.key < $1.key }.map(\.value), Array(waiting[firstWaiting...]))
    }

    private mutating func sendWaiting(_ workload: borrowing Workload) {
        while !isGoingAway, firstWaiting < waiting.count, sent.count < depth {
            let entry = waiting[firstWaiting]
            let length = workload.payloadLength(entry.call)
            guard length <= credit else { return }
            credit -= length
            lastID += 1
            sent[lastID] = entry
            var frame = workload.frame(entry.call, id: lastID)
            out.writeBuffer(&frame)
            firstWaiting += 1
        }
        if firstWaiting > 256, firstWaiting * 2 > waiting.count {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    /// Takes every whole frame of `bytes`, and hands each answer to `take`,
    /// with the bytes that it lies in. Returns how many bytes it took. Throws for a
    /// frame that answers no call, and when the protocol is broken.
    mutating func received(
        _ bytes: Span<UInt8>,
        _ workload: inout Workload,
        _ take: (Entry, Answer, Span<UInt8>, inout Workload) throws(LoadFailure) -> Void
    ) throws(LoadFailure) -> Int {
        var handled = 0
        while let message = try FrameHeader.message(at: handled, in: bytes, limit: limits.maximumFrame) {
            let frame = try ServerFrame(message, in: bytes)
            if frame.id == 0 {
                try receivedControl(frame, in: bytes)
            } else {
                try receivedAnswer(frame, in: bytes, &workload, take)
            }
            handled = message.upperBound
        }
        sendWaiting(workload)
        return handled
    }

    private mutating func receivedAnswer(
        _ frame: ServerFrame,
        in bytes: Span<UInt8>,
        _ workload: inout Workload,
        _ take: (Entry, Answer, Span<UInt8>, inout Workload) throws(LoadFailure) -> Void
    ) throws(LoadFailure) {
        guard var entry = sent.removeValue(forKey: frame.id) else {
            throw .wrongAnswer("call \(frame.id) is unknown or was answered before")
        }
        giveCredit(for: frame, &entry)
        if case .error(let error) = frame.body {
            try take(entry, .error(try ServerError(error, in: bytes)), bytes, &workload)
            return
        }
        guard case .reply(let field, let reply) = frame.body else {
            throw .wrongAnswer("call \(frame.id) is answered with \(frame.body)")
        }
        let kind = entry.call.kind
        let isPart = kind.isCommand ? field == 96 || field == 97 : field == 22
        guard field == kind.answerField || isPart else {
            throw .wrongAnswer("a call of \(kind.rawValue) is answered with field \(field)")
        }
        entry.payload += bytes.array(frame.payload)
        if frame.isLast {
            try take(entry, .outcome(CallOutcome(reply: reply, payload: entry.payload)), bytes, &workload)
        } else {
            sent[frame.id] = entry
        }
    }

    /// Half of a window is given back at a time.
    private mutating func giveCredit(for frame: ServerFrame, _ entry: inout Entry) {
        uncredited += frame.payload.count
        if uncredited >= limits.connectionWindow / 2 {
            out.writeBytes(ClientFrames.window(bytes: uncredited))
            uncredited = 0
        }
        guard !frame.isLast else { return }
        entry.uncredited += frame.payload.count
        if entry.uncredited >= limits.streamWindow / 2 {
            out.writeBytes(ClientFrames.window(id: frame.id, bytes: entry.uncredited))
            entry.uncredited = 0
        }
    }

    private mutating func receivedControl(_ frame: ServerFrame, in bytes: Span<UInt8>) throws(LoadFailure) {
        switch frame.body {
        case .window(let window):
            let stream = try ProtobufFields.value(of: 1, in: window, of: bytes)
            let more = try ProtobufFields.value(of: 2, in: window, of: bytes)
            // What a call sends is one frame, so that credit for it comes too late to be of use.
            if stream == 0 { credit += Int(clamping: min(more, 1 << 40)) }
        case .ping(let ping):
            out.writeBytes(ClientFrames.pong(nonce: try ProtobufFields.value(of: 1, in: ping, of: bytes)))
        case .pong:
            break
        case .goAway(let goAway):
            let error = try ServerError(goAway: goAway, in: bytes)
            guard error.code == 0 else { throw .connection("the server says go away: \(error)") }
            isGoingAway = true
        default:
            throw .connection("the server sent \(frame.body) without an id")
        }
    }
}
