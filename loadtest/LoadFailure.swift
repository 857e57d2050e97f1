internal import Glibc

/// Why a run ended without a result. All of its text is for the person at the terminal.
enum LoadFailure: Error, Equatable {
    /// A system call failed: its name, errno(3), and what it was about.
    case system(call: String, errno: Int32, subject: String)
    /// The server did not speak the protocol, refused the connection or closed it.
    case connection(String)
    /// The server answered, but not with what was sent to it.
    case wrongAnswer(String)
    /// The run went to its end, but calls failed or were not answered.
    case failedCalls(String)
    /// The settings ask for what cannot be.
    case settings(String)
    /// A child process did not start, or ended when it should not.
    case child(String)
    /// SIGINT or SIGTERM.
    case interrupted
}

extension LoadFailure {
    /// The failure of the system call that has just returned -1.
    static func system(_ call: String, _ subject: String = "") -> LoadFailure {
        .system(call: call, errno: errno, subject: subject)
    }
}

extension LoadFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .system(let call, let number, let subject):
            let reason = strerror(number).map { String(cString: $0) } ?? "errno \(number)"
            return subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
        case .connection(let text): return "connection: \(text)"
        case .wrongAnswer(let text): return "WRONG ANSWER: \(text)"
        case .failedCalls(let text), .settings(let text), .child(let text): return text
        case .interrupted: return "interrupted"
        }
    }
}
