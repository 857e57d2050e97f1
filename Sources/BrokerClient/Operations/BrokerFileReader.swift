public import AgentBackend
internal import BrokerWire
public import NIOCore
internal import Synchronization

/// A file of a broker, read from front to back by one task at a time: in pieces as they come, as a sequence, or at most
/// so many bytes at a time.
///
/// The broker sends no more than the window of a call ahead of what is read. Cancelling the reading task cancels the
/// call.
public final class BrokerFileReader: FileReader, AsyncSequence {
    public typealias Element = ByteBuffer
    public typealias Failure = BackendError

    /// As it was when it was opened.
    public let info: FileInfo

    private let call: ClientCall
    private let range: ReadRange
    /// Came with the answer's first frame, or is left of a piece that was read in part.
    private let left: Mutex<ByteBuffer>

    /// Returns when the first bytes are here.
    static func open(
        _ path: WorkspacePath,
        _ range: ReadRange,
        on target: BrokerTarget,
        _ options: BrokerCallOptions,
        of origin: some CallOrigin
    ) async throws(BackendError) -> BrokerFileReader {
        guard range.length != 0 else {
            throw BackendError(.invalidArgument, message: "a range of no bytes: ask for one", operation: "read")
        }
        let read = Operation.read(Read(path: path.bytes, range: range))
        let call = try origin.start(CallRequest(read, on: target, options: options))
        return try await BrokerFileReader(call, range)
    }

    private init(_ call: ClientCall, _ range: ReadRange) async throws(BackendError) {
        guard let part = try await call.next(), case .read(let info) = part.reply else {
            throw await call.strangeAnswer()
        }
        self.call = call
        self.range = range
        self.info = info
        left = Mutex(part.payload)
    }

    /// The next bytes as they came, at most 256 KiB; nil at the end. Never empty.
    public func next() async throws(BackendError) -> ByteBuffer? {
        if let left = takeLeft(upTo: .max) { return left }
        while let part = try await call.next() {
            guard part.reply == nil else { throw await call.strangeAnswer() }
            if part.payload.readableBytes > 0 { return part.payload }
        }
        return nil
    }

    public func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        if let left = takeLeft(upTo: count) { return left }
        guard var piece = try await next() else { return nil }
        let wanted = piece.readSlice(length: Swift.min(Swift.max(1, count), piece.readableBytes))
        left.withLock { [piece] in $0 = piece }
        return wanted
    }

    /// Ends the call where the file was not read to its end. Idempotent.
    public func close() async {
        left.withLock { $0 = ByteBuffer() }
        await call.cancelAndWait()
    }

    private func takeLeft(upTo count: Int) -> ByteBuffer? {
        left.withLock { left in
            guard left.readableBytes > 0 else { return nil }
            return left.readSlice(length: Swift.min(Swift.max(1, count), left.readableBytes))
        }
    }

    /// The rest of it, in memory. More than `maximum` bytes: `READ_FAILED` with reason `TOO_LARGE`.
    public func collect(maximum: Int) async throws(BackendError) -> ByteBuffer {
        let available = info.size - Swift.min(info.size, range.offset)
        let expected = Swift.min(available, range.length ?? .max)
        guard expected <= UInt64(Swift.max(0, maximum)) else { throw await tooLarge(maximum) }
        guard var contents = try await next() else { return ByteBuffer() }
        while var piece = try await next() {
            guard contents.readableBytes + piece.readableBytes <= maximum else { throw await tooLarge(maximum) }
            contents.reserveCapacity(Int(expected))
            contents.writeBuffer(&piece)
        }
        return contents
    }

    private func tooLarge(_ maximum: Int) async -> BackendError {
        await close()
        return BackendError(
            .readFailed,
            reason: .tooLarge,
            message: "the file has more than \(maximum) bytes: read a range of it, or open it to read it in pieces",
            operation: "read"
        )
    }

    public func makeAsyncIterator() -> Iterator { Iterator(reader: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let reader: BrokerFileReader

        public func next() async throws(BackendError) -> ByteBuffer? { try await reader.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws(BackendError) -> ByteBuffer? {
            try await reader.next()
        }
    }
}
