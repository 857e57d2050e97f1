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
    private var flow: FlowControl
    private var inbound: Deque<ByteBuffer> = []
    private var inboundEnded: Bool
    private var reader: CheckedContinuation<Void, Never>?
    /// Set when nothing more can come.
    private var cutOff: BackendError?
    /// Set when the call is ended from outside.
    private var failure: BackendError?

    init(id: UInt64, window: Int, first: ByteBuffer, isWhole: Bool, connection: any CreditSource) {
        self.id = id
        self.connection = connection
        flow = FlowControl(window: window)
        inboundEnded = isWhole
        if first.readableBytes > 0 {
            // Never more than the window: the connection checked.
            _ = flow.received(first.readableBytes)
            inbound.append(first)
        }
    }

    // MARK: For the call

    func receive() async throws(BackendError) -> ByteBuffer? {
        while true {
            if let failure { throw failure }
            if let piece = inbound.popFirst() {
                let count = piece.readableBytes
                if let credit = flow.consumed(count), !inboundEnded { connection.grant(credit, stream: id) }
                connection.consumed(count)
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
            let credit = try await connection.credit(stream: id) { self.flow.sendCredit }
            if let failure { throw failure }
            let count = min(credit, rest.readableBytes)
            guard let piece = rest.readSlice(length: count) else { break }
            flow.sent(count)
            connection.send(id, body, piece, isLast: isLast && rest.readableBytes == 0)
            if case .reply(.execOutput) = body { continue }
            body = .chunk
        }
        if answer.payload.readableBytes == 0 {
            if let failure { throw failure }
            connection.send(id, body, ByteBuffer(), isLast: isLast)
        }
    }

    // MARK: For the connection

    /// False: the peer had no credit for it.
    func deliver(_ piece: ByteBuffer, isLast: Bool) -> Bool {
        guard flow.received(piece.readableBytes) else { return false }
        if piece.readableBytes > 0 { inbound.append(piece) }
        inboundEnded = inboundEnded || isLast
        wakeReader()
        return true
    }

    /// False: the peer gave more credit than makes sense.
    func granted(_ bytes: UInt64) -> Bool { flow.granted(bytes) }

    var maySend: Bool { flow.sendCredit > 0 }

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

    /// The call has ended. Returns how many bytes it left unread.
    func close() -> Int {
        let unread = inbound.reduce(0) { $0 + $1.readableBytes }
        inbound.removeAll()
        return unread
    }

    private static var cancelled: BackendError {
        BackendError(.cancelled, message: "nobody reads what the caller sends any more")
    }

    private func wakeReader() {
        reader?.resume()
        reader = nil
    }
}

/// What a stream needs of its connection.
protocol CreditSource: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
    /// Waits until stream and connection have credit and takes as much of the connection's as the stream has. Throws
    /// once the call was ended.
    func credit(stream: UInt64, _ available: () -> Int) async throws(BackendError) -> Int
    func send(_ id: UInt64, _ body: ServerFrame.Body, _ payload: ByteBuffer, isLast: Bool)
    func grant(_ bytes: Int, stream: UInt64)
    func consumed(_ bytes: Int)
}
