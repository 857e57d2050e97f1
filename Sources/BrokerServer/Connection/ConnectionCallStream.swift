internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore

/// The stream of one call that waits.
///
/// `@unchecked Sendable`: only touched on the connection's event loop.
final class ConnectionCallStream: CallStream, @unchecked Sendable {
    private let id: UInt64
    private let connection: any CreditSource
    private var sendWindow: SendWindow
    private var receiveWindow: ReceiveWindow
    private var inbound: Deque<ByteBuffer> = []
    private var inboundEnded: Bool
    /// Bytes of the piece that the call works on. They count as used up when it asks for the next.
    private var lent = 0
    /// What waits here has its share of the connection's credit.
    private var holdsConnectionCredit = true
    /// Credit that was taken and not used yet.
    private var reserved = 0
    /// Bytes that an answer without credit may have.
    private var room = 0
    private var reader: CheckedContinuation<Void, Never>?
    /// Set when nothing more can come.
    private var cutOff: BackendError?
    /// Set when the call is ended from outside.
    private var failure: BackendError?

    init(id: UInt64, window: Int, first: ByteBuffer, isWhole: Bool, connection: any CreditSource) {
        self.id = id
        self.connection = connection
        sendWindow = SendWindow(window)
        receiveWindow = ReceiveWindow(window)
        inboundEnded = isWhole
        if first.readableBytes > 0 {
            // Never more than the window: the connection checked.
            _ = receiveWindow.received(first.readableBytes)
            enqueue(first)
        }
    }

    // MARK: For the call

    func receive() async throws(BackendError) -> ByteBuffer? {
        if lent > 0 {
            await connection.pace()
            if let credit = receiveWindow.consumed(lent), !inboundEnded { connection.grant(credit, stream: id) }
            if holdsConnectionCredit { connection.consumed(lent) }
            connection.letGo(lent, of: id)
            lent = 0
        }
        while true {
            if let failure { throw failure }
            if let piece = inbound.popFirst() {
                lent = piece.readableBytes
                return piece
            }
            if inboundEnded { return nil }
            if let cutOff { throw cutOff }
            if Task.isCancelled { throw Self.cancelled }
            await withTaskCancellationHandler {
                await withCheckedContinuation { reader = $0 }
            } onCancel: {
                connection.eventLoop.execute { self.wakeReader() }
            }
        }
    }

    func leaveConnectionCredit() {
        guard holdsConnectionCredit else { return }
        connection.consumed(unreadBytes)
        holdsConnectionCredit = false
    }

    func reserve(upTo count: Int) async throws(BackendError) -> Int {
        if reserved == 0 {
            let credit = try await connection.takeCredit(stream: id, upTo: count) { self.sendWindow.credit }
            sendWindow.sent(credit)
            reserved += credit
        }
        return min(count, reserved)
    }

    /// Waits until a long answer that draws no credit may be made: of few at a time, for a peer that takes them.
    func waitForRoom() async throws(BackendError) {
        room += try await connection.takeRoom(stream: id)
    }

    func send(_ reply: Reply?, payload: ByteBuffer) async throws(BackendError) {
        try await send(Answer(reply, payload: payload), isLast: false)
    }

    func sendLast(_ answer: Answer) async throws(BackendError) {
        try await send(answer, isLast: true)
    }

    private func send(_ answer: Answer, isLast: Bool) async throws(BackendError) {
        var rest = answer.payload
        var body = answer.body
        while rest.readableBytes > 0 {
            await connection.pace()
            let count = try await reserve(upTo: rest.readableBytes)
            if let failure { throw failure }
            guard let piece = rest.readSlice(length: count) else { break }
            reserved -= count
            connection.send(id, body, piece, isLast: isLast && rest.readableBytes == 0)
            if case .reply(.execOutput) = body { continue }
            body = .chunk
        }
        if answer.payload.readableBytes == 0 {
            // The result of a call that came to its end all the same is told.
            if let failure, !isLast { throw failure }
            connection.send(id, body, ByteBuffer(), isLast: isLast)
        }
    }

    func keepSlot() -> HeldSlot? { connection.keepSlot(of: id) }

    func cancel(_ error: BackendError) {
        connection.end(id, error)
    }

    // MARK: For the connection

    enum Delivery {
        case taken
        /// The peer said that there was nothing more.
        case afterLast
        /// The peer had no credit for it.
        case overCredit
    }

    func deliver(_ piece: ByteBuffer, isLast: Bool) -> Delivery {
        guard !inboundEnded else { return .afterLast }
        guard receiveWindow.received(piece.readableBytes) else { return .overCredit }
        if piece.readableBytes > 0 { enqueue(piece) }
        if !holdsConnectionCredit { connection.consumed(piece.readableBytes) }
        inboundEnded = isLast
        wakeReader()
        return .taken
    }

    /// False: the peer gave more credit than makes sense.
    func granted(_ bytes: UInt64) -> Bool { sendWindow.granted(bytes) }

    var maySend: Bool { sendWindow.credit > 0 }

    func fail(_ error: BackendError) {
        failure = failure ?? error
        wakeReader()
    }

    /// The caller closed its side. A stream that has not come to its end is cut off.
    func inputClosed() {
        guard !inboundEnded else { return }
        cutOff = BackendError(
            .connectionClosed,
            message: "the caller closed its side of the connection before the last piece: send it whole"
        )
        wakeReader()
    }

    /// The call has ended. What it left unread is used up, what it did not send is free for others.
    func close() {
        if holdsConnectionCredit { connection.consumed(unreadBytes) }
        inbound.removeAll()
        lent = 0
        if reserved > 0 { connection.returnCredit(reserved) }
        reserved = 0
        if room > 0 { connection.returnRoom(room) }
        room = 0
    }

    private var unreadBytes: Int { inbound.reduce(lent) { $0 + $1.readableBytes } }

    /// Small pieces are gathered: many of them would need far more memory than the credit that they draw.
    private func enqueue(_ piece: ByteBuffer) {
        if piece.readableBytes <= Self.smallPiece, var last = inbound.popLast() {
            if last.readableBytes + piece.readableBytes <= Self.smallPiece {
                last.writeImmutableBuffer(piece)
                return inbound.append(last)
            }
            inbound.append(last)
        }
        inbound.append(piece.detached)
    }

    private static let smallPiece = 16 << 10

    private static var cancelled: BackendError {
        BackendError(.cancelled, message: "nobody reads what the caller sends any more")
    }

    private func wakeReader() {
        reader?.resume()
        reader = nil
    }
}

extension ByteBuffer {
    /// The same bytes, which do not keep alive much else that arrived with them.
    var detached: ByteBuffer { storageCapacity > 2 * readableBytes ? ByteBuffer(buffer: self) : self }
}

/// What a stream needs of its connection.
protocol CreditSource: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
    /// Waits until stream and connection have credit, takes it from the connection's and returns how much: more than
    /// nothing, at most `count` and what the stream has. Throws once the call was ended.
    func takeCredit(stream: UInt64, upTo count: Int, _ available: () -> Int) async throws(BackendError) -> Int
    /// Waits while the org has moved more bytes than it may in a second. Ended by cancelling.
    func pace() async
    /// Gives back what was taken and not used.
    func returnCredit(_ bytes: Int)
    /// Waits until the peer takes what it is sent, and returns how many bytes without credit the stream may send then.
    /// Throws once the call was ended.
    func takeRoom(stream: UInt64) async throws(BackendError) -> Int
    func returnRoom(_ bytes: Int)
    func send(_ id: UInt64, _ body: ServerFrame.Body, _ payload: ByteBuffer, isLast: Bool)
    func grant(_ bytes: Int, stream: UInt64)
    func consumed(_ bytes: Int)
    /// A call that goes on keeps so much less of what arrived for it.
    func letGo(_ bytes: Int, of stream: UInt64)
    /// The slot of a call, which the call gives back no more.
    func keepSlot(of stream: UInt64) -> HeldSlot?
    /// Ends the call of a stream from outside. From any thread.
    func end(_ stream: UInt64, _ cause: BackendError)
}
