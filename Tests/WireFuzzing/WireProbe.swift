internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What a fuzzer and the tests feed with bytes: decodes them as a peer would send them, and checks what has to hold for
/// any bytes at all.
///
/// The first byte of an input says what the rest is: the message of a client's frame, that of a broker's, or a stream of
/// frames, which the second byte cuts into pieces. One user at a time.
package final class WireProbe {
    package enum Outcome: Sendable {
        /// All of it was understood.
        case taken
        /// Some of it was refused with an error.
        case refused
    }

    /// Something does not hold.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    /// What the first byte of an input says.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case clientMessage, serverMessage, stream
    }

    private let clientDecoder = ClientDecoder()
    private let serverDecoder = ServerDecoder()
    private let clientEncoder = ClientFrameEncoder()
    private let serverEncoder = ServerFrameEncoder()

    package init() {}

    package func check(_ input: some Collection<UInt8>) throws(Violation) -> Outcome {
        guard let first = input.first else { return .refused }
        let rest = input.dropFirst()
        let kinds = Kind.allCases
        switch kinds[Int(first) % kinds.count] {
        case .clientMessage: return try checkClient(ByteBuffer(bytes: rest))
        case .serverMessage: return try checkServer(ByteBuffer(bytes: rest))
        case .stream: return try checkStream(rest.dropFirst(), pieceLength: Int(rest.first ?? 0) + 1)
        }
    }

    // MARK: Messages

    private func checkClient(_ message: ByteBuffer) throws(Violation) -> Outcome {
        guard let frame = try decoded(message, by: clientDecoder.decode) else { return .refused }
        let bytes = encoded { clientEncoder.encode(frame, into: &$0) }
        // What was understood can be said again, and is understood as the same.
        guard let again = try decoded(bytes, by: clientDecoder.decode) else {
            throw Violation(description: "what was decoded is refused once it is encoded: \(frame)")
        }
        guard encoded({ clientEncoder.encode(again, into: &$0) }) == bytes else {
            throw Violation(description: "does not survive: \(frame), \(again)")
        }
        return .taken
    }

    private func checkServer(_ message: ByteBuffer) throws(Violation) -> Outcome {
        guard let frame = try decoded(message, by: serverDecoder.decode) else { return .refused }
        let bytes = encoded { serverEncoder.encode(frame, into: &$0) }
        guard let again = try decoded(bytes, by: serverDecoder.decode) else {
            throw Violation(description: "what was decoded is refused once it is encoded: \(frame)")
        }
        guard encoded({ serverEncoder.encode(again, into: &$0) }) == bytes else {
            throw Violation(description: "does not survive: \(frame), \(again)")
        }
        return .taken
    }

    /// Nil: it was refused, as it may be.
    private func decoded<Frame>(
        _ message: ByteBuffer,
        by decode: (ByteBuffer) throws(FrameFault) -> Frame
    ) throws(Violation) -> Frame? {
        do throws(FrameFault) {
            return try decode(message)
        } catch {
            guard error.payloadLength <= message.readableBytes else {
                throw Violation(description: "a payload of \(error.payloadLength) in \(message.readableBytes) bytes")
            }
            guard error.error.code == .protocolError || error.error.code == .invalidArgument else {
                throw Violation(description: "refused with \(error.error)")
            }
            guard !error.error.message.isEmpty, error.id != 0 else {
                throw Violation(description: "refused without a reason, or for call 0: \(error)")
            }
            return nil
        }
    }

    private func encoded(_ encode: (inout ByteBuffer) -> ByteBuffer?) -> ByteBuffer {
        var bytes = ByteBuffer()
        if let payload = encode(&bytes) { bytes.writeImmutableBuffer(payload) }
        bytes.moveReaderIndex(forwardBy: FrameHeader.length)
        return bytes
    }

    // MARK: Streams

    private static let maximumMessageLength = 4096

    /// However it is cut, it has the same messages and the same end.
    private func checkStream(_ bytes: some Collection<UInt8>, pieceLength: Int) throws(Violation) -> Outcome {
        let whole = messages(in: bytes, pieceLength: max(1, bytes.count))
        let pieces = messages(in: bytes, pieceLength: pieceLength)
        guard whole.messages == pieces.messages, whole.failed == pieces.failed else {
            throw Violation(description: "pieces of \(pieceLength) bytes are not what the whole is")
        }
        var outcome = whole.failed ? Outcome.refused : .taken
        for message in whole.messages {
            if case .refused = try checkClient(message) { outcome = .refused }
        }
        return outcome
    }

    private func messages(
        in bytes: some Collection<UInt8>,
        pieceLength: Int
    ) -> (messages: [ByteBuffer], failed: Bool) {
        var accumulator = FrameAccumulator(maximumMessageLength: Self.maximumMessageLength)
        var messages: [ByteBuffer] = []
        var rest = bytes[...]
        do throws(BackendError) {
            while !rest.isEmpty {
                accumulator.append(ByteBuffer(bytes: rest.prefix(pieceLength)))
                rest = rest.dropFirst(pieceLength)
                while let message = try accumulator.next() { messages.append(message) }
            }
            return (messages, false)
        } catch {
            return (messages, true)
        }
    }
}

// Classes around the decoders, which cannot be copied, so that a method of theirs is a value.

private final class ClientDecoder {
    private let decoder = ClientFrameDecoder()

    func decode(_ message: ByteBuffer) throws(FrameFault) -> ClientFrame { try decoder.decode(message) }
}

private final class ServerDecoder {
    private let decoder = ServerFrameDecoder()

    func decode(_ message: ByteBuffer) throws(FrameFault) -> ServerFrame { try decoder.decode(message) }
}
