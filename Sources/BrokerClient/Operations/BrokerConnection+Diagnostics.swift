public import AgentBackend
internal import BrokerWire
public import NIOCore

extension BrokerConnection {
    /// Returns `payload`, by way of everything that another call passes. At most what one frame and the broker's window
    /// for a call take, 1 MiB by default; more is `INVALID_ARGUMENT`.
    public func echo(
        _ payload: ByteBuffer,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> ByteBuffer {
        let call = try start(CallRequest(.echo, on: target, options: options, payload: payload))
        guard let first = try await call.next(), case .echo = first.reply else { throw await call.strangeAnswer() }
        var echoed = first.payload
        while let part = try await call.next() {
            echoed.writeImmutableBuffer(part.payload)
        }
        return echoed
    }
}
