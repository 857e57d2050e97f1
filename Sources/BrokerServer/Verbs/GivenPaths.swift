internal import AgentBackend

/// Paths of one call, of which some may be none: each of those is answered with its own error.
struct GivenPaths {
    private let paths: [Result<WorkspacePath, BackendError>]

    /// Throws `INVALID_ARGUMENT` for more than one call may be about, paths or not.
    init(_ given: [[UInt8]]) throws(BackendError) {
        try ManyFiles.check(count: given.count, bytes: given.reduce(0) { $0 + $1.count })
        paths = given.map { path in
            do throws(BackendError) {
                return .success(try WorkspacePath(path))
            } catch {
                return .failure(error)
            }
        }
    }

    var valid: [WorkspacePath] { paths.compactMap { try? $0.get() } }

    /// What each of all paths is answered with.
    ///
    /// - Parameter results: Of the valid ones, in their order.
    func merging<Value>(_ results: [Result<Value, BackendError>]) -> [Result<Value, BackendError>] {
        var next = results.makeIterator()
        return paths.compactMap { path in
            switch path {
            case .success: next.next()
            case .failure(let error): .failure(error)
            }
        }
    }
}
