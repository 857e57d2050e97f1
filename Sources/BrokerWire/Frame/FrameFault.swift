package import AgentBackend

/// A message that cannot be taken.
package struct FrameFault: Error, Sendable {
    /// The call that it belongs to, where that could be read: only it fails. Otherwise the connection ends.
    package var id: UInt64?
    package var error: BackendError

    package init(id: UInt64?, error: BackendError) {
        self.id = id
        self.error = error
    }
}
