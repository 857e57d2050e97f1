internal import AgentBackend

/// One turn of long work on a file thread. Others' work comes between two turns, so that nobody waits for all of it.
struct FileTurn {
    private let end: ContinuousClock.Instant
    /// Since the clock was looked at.
    private var steps = 0

    /// Steps that mostly take no time worth speaking of.
    static let usualSteps = 32

    /// - Parameter length: Roughly: what is done between two questions belongs to it.
    init(length: Duration = .milliseconds(10)) {
        end = .now + length
    }

    /// Asked after each step of the work, or after some.
    ///
    /// - Parameters:
    ///   - made: How many steps were made since it was asked last.
    ///   - interval: The clock is looked at once for so many.
    mutating func isOver(after made: Int = 1, each interval: Int = usualSteps) -> Bool {
        steps += made
        guard steps >= interval else { return false }
        steps = 0
        return ContinuousClock.now >= end
    }
}

/// Work that is done turn by turn. What it holds stays with it in between.
protocol WorkInTurns: Sendable {
    associatedtype Outcome: Sendable

    /// Goes on until the turn is over. Nil: there is more to do.
    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> Outcome?
}

extension LocalFilesystemBackend {
    /// Does work turn by turn on file threads. Cancelling the calling task ends it between two steps.
    func performInTurns<Work: WorkInTurns>(
        _ code: BackendError.Code,
        _ path: WorkspacePath,
        _ begin: @escaping @Sendable (LocalFiles) throws(DirectoryAccess.Failure) -> Work
    ) async throws(BackendError) -> Work.Outcome {
        var (work, outcome) = try await perform(code, path) { files throws(DirectoryAccess.Failure) in
            try Self.turn(of: begin(files), files)
        }
        while outcome == nil {
            (work, outcome) = try await perform(code, path) { [work] files throws(DirectoryAccess.Failure) in
                try Self.turn(of: work, files)
            }
        }
        guard let outcome else { throw BackendError(.internal, message: "work on files ended without an outcome") }
        return outcome
    }

    private static func turn<Work: WorkInTurns>(
        of work: Work,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) -> (Work, Work.Outcome?) {
        var (work, turn) = (work, FileTurn(length: files.limits.calls.turn))
        let outcome = try work.advance(files, &turn)
        return (work, outcome)
    }
}
