public import AgentBackend
internal import BrokerWire
public import NIOCore
internal import Synchronization

/// A tar archive that a broker makes while it is read, from front to back by one task at a time.
///
/// The broker makes no more than the window of a call ahead of what is read. Cancelling the reading task cancels the
/// call.
public final class BrokerArchiveReader: ArchiveReader {
    private let call: ClientCall
    private let state: Mutex<State>

    private struct State {
        /// Came, and was not read.
        var left: ByteBuffer
        var summary = ArchiveSummary()
        var isWhole = false
    }

    /// Returns when the first bytes are here.
    static func open(
        _ path: WorkspacePath,
        _ options: ArchiveOptions,
        on target: BrokerTarget,
        _ callOptions: BrokerCallOptions,
        of origin: some CallOrigin
    ) async throws(BackendError) -> BrokerArchiveReader {
        let archive = Operation.archive(Archive(path: path.bytes, options))
        let call = try origin.start(CallRequest(archive, on: target, options: callOptions))
        // Even that of nothing has an end.
        guard let part = try await call.next(), part.reply == nil else { throw await call.strangeAnswer() }
        return BrokerArchiveReader(call, part.payload)
    }

    private init(_ call: ClientCall, _ first: ByteBuffer) {
        self.call = call
        state = Mutex(State(left: first))
    }

    public var summary: ArchiveSummary { state.withLock { $0.summary } }

    public func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        while true {
            if let piece = takeLeft(upTo: count) { return piece }
            guard let part = try await call.next() else {
                guard state.withLock({ $0.isWhole }) else { throw .strangeAnswer(to: call.operation) }
                return nil
            }
            state.withLock { state in
                state.left = part.payload
                guard case .archive(let summary) = part.reply else { return }
                (state.summary, state.isWhole) = (summary, true)
            }
        }
    }

    public func close() async {
        state.withLock { $0.left = ByteBuffer() }
        await call.cancelAndWait()
    }

    private func takeLeft(upTo count: Int) -> ByteBuffer? {
        state.withLock { state in
            guard state.left.readableBytes > 0 else { return nil }
            return state.left.readSlice(length: min(max(1, count), state.left.readableBytes))
        }
    }
}

extension BrokerConnection {
    /// Begins a tar archive of what is in a directory, or of one file; see ``Backend/openArchive(_:options:)``. Returns
    /// when its first bytes are here. A reader that is let go before the end cancels the call.
    public func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions = ArchiveOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerArchiveReader {
        try await BrokerArchiveReader.open(path, options, on: target, callOptions, of: self)
    }
}
