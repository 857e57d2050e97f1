internal import AgentBackend

/// An agent got what it should not have.
struct TortureFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension BackendError {
    /// In a line, for failures.
    var line: String { "\(code) \(reason.map { "\($0)" } ?? "") \(operation): \(message)" }
}
