internal import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// What a broker makes of the bytes of one call: a file, or what is in an archive. One that is let go is aborted.
final class RemoteWriter<Value: Sendable>: Sendable {
    private let call: ClientCall
    private let value: @Sendable (Reply) -> Value?
    private let isDone = Atomic<Bool>(false)

    /// `value`: what is made of the answer.
    init(_ call: ClientCall, _ value: @escaping @Sendable (Reply) -> Value?) {
        self.call = call
        self.value = value
    }

    /// Waits while the broker takes no more. Throws what the broker refuses it for.
    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        guard bytes.readableBytes > 0 else { return }
        switch await call.send(bytes, isLast: false) {
        case .sent:
            return
        case .cancelled:
            throw .cancelledByCaller.during(call.operation)
        case .ended:
            _ = try await answer()
            throw ended
        }
    }

    func commit() async throws(BackendError) -> Value {
        call.endInput()
        return try await answer()
    }

    func abort() async {
        guard !isDone.exchange(true, ordering: .relaxed) else { return }
        await call.cancelAndWait()
    }

    private func answer() async throws(BackendError) -> Value {
        guard !isDone.exchange(true, ordering: .relaxed) else { throw ended }
        guard let value = value(try await call.onlyPart().reply) else { throw .strangeAnswer(to: call.operation) }
        return value
    }

    private var ended: BackendError {
        BackendError(
            .invalidArgument,
            message: "all of it was sent, or it was given up: begin anew",
            operation: call.operation
        )
    }
}

extension RemoteWriter: FileWriter where Value == FileInfo {}
extension RemoteWriter: ArchiveWriter where Value == ExtractResult {}
