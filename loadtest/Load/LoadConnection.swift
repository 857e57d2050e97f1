internal import NIOCore

/// One connection of a run: moves bytes between a socket and an ``LoadConversation``. Used by the thread of the
/// run alone.
final class LoadConnection {
    private let socket: StreamSocket
    private var conversation: LoadConversation
    private var received: ByteBuffer

    /// The last send left something, so that the socket is to be watched for room.
    private(set) var waitsForRoom = false

    /// Connects and says hello. `templates` are those of the connection's org. Takes `LoadSettings.patience` at the
    /// longest for each step.
    init(number: Int, settings: LoadSettings, templates: [CallTemplate]) throws(LoadFailure) {
        let socket = try StreamSocket(to: settings.endpoint, patience: LoadSettings.patience)
        var received = ByteBuffer()
        let limits = try socket.sayHello(settings.tokens[number % settings.tokens.count], &received)
        try socket.makeNonBlocking()
        // Among the connections of its org.
        let rank = number / settings.tokens.count
        let turn = LoadCalls.Turn(next: rank, step: max(settings.connections / settings.tokens.count, 1))
        conversation = try LoadConversation(
            connection: UInt32(number),
            depth: settings.depth,
            templates: templates,
            first: rank * settings.depth,
            turn: settings.takesTurns ? turn : nil,
            limits: limits
        )
        self.socket = socket
        self.received = received
    }

    var descriptor: Int32 { socket.descriptor }
    var unanswered: Int { conversation.unanswered }

    /// Sends the first calls.
    func start(at now: UInt64) throws(LoadFailure) {
        try conversation.start(at: now)
        waitsForRoom = try !socket.send(&conversation.out)
    }

    /// Takes in what has arrived, starts the next calls while `refills`, and sends.
    func serve(_ ready: Epoll.Ready, at now: UInt64, refills: Bool, tally: inout LoadTally) throws(LoadFailure) {
        if ready.isReadable, try socket.receive(into: &received, atMost: StreamSocket.receiveLength) {
            let bytes = received
            let handled = try conversation.received(
                bytes.readableBytesUInt8Span,
                at: now,
                refills: refills,
                tally: &tally
            )
            received.moveReaderIndex(forwardBy: handled)
        }
        received.discardReadBytes()
        waitsForRoom = try !socket.send(&conversation.out)
    }
}
