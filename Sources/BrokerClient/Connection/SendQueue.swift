internal import BrokerWire
internal import DequeModule
internal import NIOCore

/// Payload bytes that calls have to send, and the credit that they wait for. Streams take turns, a piece each.
///
/// Knows no channel; ``ClientConnectionHandler`` drives it. `Waiter` is whoever waits until a write is sent.
struct SendQueue<Waiter: Sendable>: Sendable {
    struct Write: Sendable {
        /// Chosen by the writer, to withdraw it. 0: it never will.
        let id: UInt64
        var bytes: ByteBuffer
        /// Nothing follows it.
        let isLast: Bool
        /// Nil: nobody waits.
        let waiter: Waiter?
    }

    struct Piece: Sendable {
        let stream: UInt64
        let bytes: ByteBuffer
        let isLast: Bool
        /// Of the write that is sent with this.
        let waiter: Waiter?
    }

    private struct Stream: Sendable {
        /// Nil: the call has not been sent yet.
        var window: SendWindow?
        var writes: Deque<Write> = []
        /// It is among `ready`.
        var isReady = false

        var canSend: Bool {
            guard let window, let write = writes.first else { return false }
            return write.bytes.readableBytes == 0 || window.credit > 0
        }
    }

    private var window: SendWindow
    private var streams: [UInt64: Stream] = [:]
    private var ready: Deque<UInt64> = []

    init(window: Int) {
        self.window = SendWindow(window)
    }

    /// Bytes that the connection as a whole may send.
    var credit: Int { window.credit }

    /// Bytes went out that belong to no stream: all of a call's, with its first frame.
    mutating func sentWhole(_ bytes: Int) {
        window.sent(bytes)
    }

    /// A call will send bytes; its first frame waits for its turn.
    mutating func open(_ id: UInt64) {
        streams[id] = Stream()
    }

    /// The first frame of the call goes out, with the bytes that are returned.
    mutating func start(_ id: UInt64, window size: Int, maximum: Int) -> Piece {
        streams[id]?.window = SendWindow(size)
        return takePiece(of: id, maximum: maximum) ?? Piece(stream: id, bytes: ByteBuffer(), isLast: false, waiter: nil)
    }

    /// Returns the write where the call takes no more.
    mutating func append(_ write: Write, to id: UInt64) -> Write? {
        guard streams[id] != nil else { return write }
        streams[id]?.writes.append(write)
        makeReady(id)
        return nil
    }

    /// A writer waits no more; what was sent of its bytes stays sent. Nil: all of it was.
    mutating func withdraw(_ write: UInt64, from id: UInt64) -> Write? {
        guard let index = streams[id]?.writes.firstIndex(where: { $0.id == write }) else { return nil }
        return streams[id]?.writes.remove(at: index)
    }

    /// The call sends nothing more. Returns what it had not sent.
    mutating func close(_ id: UInt64) -> [Write] {
        guard let stream = streams.removeValue(forKey: id) else { return [] }
        if stream.isReady { ready.removeAll { $0 == id } }
        return Array(stream.writes)
    }

    /// Credit came; `stream` 0 is the connection. False: more than makes sense.
    mutating func granted(_ bytes: UInt64, stream id: UInt64) -> Bool {
        guard id != 0 else { return window.granted(bytes) }
        // Of a call that has ended, or was not sent: too late or too early, and harmless.
        guard let isSound = streams[id]?.window?.granted(bytes) else { return true }
        makeReady(id)
        return isSound
    }

    /// The next bytes to send, at most `maximum`; nil where none may be sent now.
    mutating func next(maximum: Int) -> Piece? {
        while let index = nextIndex() {
            let id = ready.remove(at: index)
            streams[id]?.isReady = false
            let piece = takePiece(of: id, maximum: maximum)
            if let piece { return piece }
        }
        return nil
    }

    private mutating func takePiece(of id: UInt64, maximum: Int) -> Piece? {
        // Taken out, so that it is changed in place.
        guard var stream = streams.removeValue(forKey: id) else { return nil }
        guard stream.canSend, var streamWindow = stream.window, var write = stream.writes.popFirst() else {
            streams[id] = stream
            return nil
        }
        let count = max(0, min(write.bytes.readableBytes, streamWindow.credit, window.credit, maximum))
        let bytes = write.bytes.readSlice(length: count) ?? ByteBuffer()
        streamWindow.sent(count)
        window.sent(count)
        stream.window = streamWindow
        let isSent = write.bytes.readableBytes == 0
        if !isSent { stream.writes.prepend(write) }
        let isLast = isSent && write.isLast
        if !isLast {
            streams[id] = stream
            makeReady(id)
        }
        return Piece(stream: id, bytes: bytes, isLast: isLast, waiter: isSent ? write.waiter : nil)
    }

    /// Without credit of the connection only the ends of streams travel.
    private func nextIndex() -> Int? {
        guard window.credit <= 0 else { return ready.isEmpty ? nil : 0 }
        return ready.firstIndex { streams[$0]?.writes.first?.bytes.readableBytes == 0 }
    }

    private mutating func makeReady(_ id: UInt64) {
        guard let stream = streams[id], !stream.isReady, stream.canSend else { return }
        streams[id]?.isReady = true
        ready.append(id)
    }
}
