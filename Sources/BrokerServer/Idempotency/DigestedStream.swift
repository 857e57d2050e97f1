internal import AgentBackend
internal import BrokerWire
internal import Crypto
internal import NIOCore

/// The stream of a call, and a digest of all that its caller sends.
///
/// `@unchecked Sendable`: only touched on the event loop of its session, like the stream that it wraps.
final class DigestedStream: CallStream, @unchecked Sendable {
    private let stream: any CallStream
    private var hash = SHA256()
    /// Nil until all of it was received.
    private(set) var digest: SHA256Digest?

    init(_ stream: any CallStream) {
        self.stream = stream
    }

    func receive() async throws(BackendError) -> ByteBuffer? {
        let piece = try await stream.receive()
        if let piece {
            piece.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
        } else {
            digest = digest ?? hash.finalize()
        }
        return piece
    }

    func leaveConnectionCredit() { stream.leaveConnectionCredit() }

    func reserve(upTo count: Int) async throws(BackendError) -> Int { try await stream.reserve(upTo: count) }

    func send(_ reply: Reply?, payload: ByteBuffer) async throws(BackendError) {
        try await stream.send(reply, payload: payload)
    }

    func keepSlot() -> HeldSlot? { stream.keepSlot() }

    func cancel(_ error: BackendError) { stream.cancel(error) }
}
