import AgentBackend
import Glibc

/// What the command exits with. Scripts rely on the numbers; those of sysexits.h where there is one.
struct ExitStatus: RawRepresentable, Hashable {
    let rawValue: Int32

    static let success = ExitStatus(rawValue: 0)
    /// The operation failed: no such file, a command that could not be started, …
    static let failure = ExitStatus(rawValue: 1)
    /// `EX_USAGE`
    static let usage = ExitStatus(rawValue: 64)
    /// `EX_UNAVAILABLE`
    static let unavailable = ExitStatus(rawValue: 69)
    /// `EX_SOFTWARE`
    static let fault = ExitStatus(rawValue: 70)
    /// `EX_CANTCREAT`
    static let conflict = ExitStatus(rawValue: 73)
    /// `EX_TEMPFAIL`
    static let tryAgain = ExitStatus(rawValue: 75)
    /// `EX_NOPERM`
    static let denied = ExitStatus(rawValue: 77)
    /// `EX_CONFIG`
    static let configuration = ExitStatus(rawValue: 78)
    /// As timeout(1).
    static let timedOut = ExitStatus(rawValue: 124)

    /// As a shell reports the end of a process by a signal.
    static func signal(_ number: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + number) }

    /// Of `--help`.
    static let help = """
          0      success; of exec: the command's own status
          1      the operation failed
          64     wrong usage
          69     no connection to the broker, or it was lost
          70     a fault of the broker or of this program
          73     a conflict: another version than --if-match, or somebody else uses what it is about
          75     a limit is reached: try again later
          77     the token is wrong or does not allow it, or the command is refused as dangerous
          78     wrong configuration (serve, reload)
          124    exec: the command ran longer than --timeout and was killed
          130    ended by Ctrl-C, 143 by SIGTERM: what ran remotely is stopped
          141    nobody reads standard output any more
        """
}

extension ExitStatus {
    init(_ error: BackendError) {
        switch error.code {
        case .invalidArgument, .emptyCommand: self = .usage
        case .connectionClosed, .shuttingDown, .deadlineExceeded: self = .unavailable
        case .internal, .protocolError: self = .fault
        case .conflict: self = .conflict
        case .resourceExhausted: self = .tryAgain
        case .authFailed, .permissionDenied, .dangerousOperation, .unsafeCommand: self = .denied
        case .invalidConfiguration: self = .configuration
        default: self = .failure
        }
    }

    /// Says on standard error what failed: for a person, in as many lines as the error has, or as a JSON object.
    static func report(_ error: BackendError, asJSON: Bool) {
        var line = asJSON ? json(error).text : Array("agent-broker: \(printable("\(error)"))".utf8)
        line.append(UInt8(ascii: "\n"))
        // Where even that fails, the exit status has to do.
        line.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Each line by itself: what controls a terminal is shown escaped.
    private static func printable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { WorkspacePath.printable($0.utf8) }.joined(separator: "\n")
    }

    private static func json(_ error: BackendError) -> JSONLine {
        var line = JSONLine()
        line.add("code", "\(error.code)")
        line.add("reason", error.reason.map { "\($0)" } ?? "")
        line.add("message", error.message)
        line.add("operation", error.operation)
        line.add("retryable", error.isRetryable)
        line.add("maybe_executed", error.maybeExecuted)
        if let retryAfter = error.retryAfter { line.add("retry_after_ms", retryAfter.inMilliseconds) }
        if let etag = error.currentEtag { line.add("current_etag", "\(etag)") }
        if let limit = error.limit {
            var details = JSONLine()
            details.add("name", limit.name)
            details.add("used", limit.used)
            if limit.asked > 0 { details.add("asked", limit.asked) }
            details.add("allowed", limit.allowed)
            line.add("limit", details)
        }
        return line
    }
}
