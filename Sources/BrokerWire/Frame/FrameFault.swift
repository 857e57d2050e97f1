package import AgentBackend

/// A message that cannot be taken.
package struct FrameFault: Error, Sendable {
    /// The call that it belongs to, where that could be read: only it fails. Otherwise the connection ends.
    package var id: UInt64?
    package var error: BackendError
    /// Bytes of the payload that came with it and is lost. It drew credit all the same.
    package var payloadLength: Int

    package init(id: UInt64?, error: BackendError, payloadLength: Int = 0) {
        self.id = id
        self.error = error
        self.payloadLength = payloadLength
    }
}
