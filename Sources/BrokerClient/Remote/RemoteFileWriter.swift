internal import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// A file in the making on a broker: one call, whose pieces are its bytes. One that is let go is aborted.
final class RemoteFileWriter: FileWriter {
    private let call: ClientCall
    private let isDone = Atomic<Bool>(false)

    init(_ call: ClientCall) {
        self.call = call
    }

    /// Waits while the broker takes no more. Throws what the broker refuses the file for.
    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        guard bytes.readableBytes > 0 else { return }
        switch await call.send(bytes, isLast: false) {
        case .sent:
            return
        case .cancelled:
            throw .cancelledByCaller.during("write")
        case .ended:
            _ = try await answer()
            throw Self.ended
        }
    }

    func commit() async throws(BackendError) -> FileInfo {
        call.endInput()
        return try await answer()
    }

    func abort() async {
        guard !isDone.exchange(true, ordering: .relaxed) else { return }
        await call.cancelAndWait()
    }

    private func answer() async throws(BackendError) -> FileInfo {
        guard !isDone.exchange(true, ordering: .relaxed) else { throw Self.ended }
        guard let info = UnaryCall.written(try await call.onlyPart().reply) else { throw .strangeAnswer(to: "write") }
        return info
    }

    private static let ended = BackendError(
        .invalidArgument,
        message: "the file was written to its end, or given up: open it again",
        operation: "write"
    )
}
