internal import AgentBackend

/// An agent of a mixed run got what it should not have.
struct MixedFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension BackendError {
    /// In a line, for failures.
    var line: String { "\(code) \(reason.map { "\($0)" } ?? "") \(operation): \(message)" }
}
