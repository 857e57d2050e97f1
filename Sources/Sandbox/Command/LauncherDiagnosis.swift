internal import AgentBackend
internal import Glibc

/// What bubblewrap wrote to the standard error that it shares with the command, for a command that never ran.
///
/// Its text names paths of the host: of it only what is told here reaches the command's owner.
struct LauncherDiagnosis {
    /// What every message of bubblewrap begins with.
    static let prefix = Array("bwrap: ".utf8)
    /// A message names at most one path; longer output is the command's.
    static let maximumLength = 8192

    let text: String

    init(_ bytes: [UInt8]) {
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Why the command `name` was not run.
    func error(running name: [UInt8], in directory: [UInt8]) -> BackendError {
        let code = Self.errors.first { text.hasSuffix(": \(String(cString: strerror($0)))\n") } ?? 0
        if text.hasPrefix("bwrap: execvp ") {
            let name = String(decoding: name, as: UTF8.self)
            return BackendError(
                .execError,
                reason: BackendError.Reason(errno: code),
                systemErrno: code,
                message: "\(Self.explanation(of: code)): \(name)"
            )
        }
        if text.hasPrefix("bwrap: Can't chdir to ") {
            return .workingDirectory(directory, errno: code)
        }
        return BackendError(
            .execError,
            systemErrno: code,
            message: "the sandbox could not be set up: see the broker's log, and run its self-test (doctor)",
            cause: Text(description: text.isEmpty ? "bwrap ended without a message" : text)
        )
    }

    /// Those that execve(2) and chdir(2) give.
    private static let errors = [
        ENOENT, EACCES, ENOTDIR, EISDIR, ELOOP, E2BIG, ENAMETOOLONG, ENOEXEC, ETXTBSY, EPERM, EIO, ENOMEM, EAGAIN,
        EINVAL, ELIBBAD, EMFILE, ENFILE,
    ]

    private static func explanation(of code: Int32) -> String {
        switch code {
        case ENOENT: "the program, or the interpreter that it names, does not exist"
        case EACCES, EPERM: "the program is not executable for the command's user"
        case ENOTDIR: "a part of the program's path is not a directory"
        case ENOEXEC, ELIBBAD: "the file is not a program for this machine"
        case E2BIG: "the arguments with the environment are longer than the kernel takes; put them into a file"
        case ETXTBSY: "the program's file is being written"
        case EAGAIN: "the org runs as many processes as it may"
        default: "the program cannot be run"
        }
    }

    /// For the log.
    private struct Text: Error, CustomStringConvertible {
        let description: String
    }
}

/// Holds back what may be a message of bubblewrap's, until it is known whose it is.
struct LauncherDiagnosisFilter {
    private enum State {
        /// Bytes that may still turn out to be bubblewrap's.
        case undecided([UInt8])
        case passing
    }

    private var state = State.undecided([])

    /// Whether ``pass(_:)`` returns all that it is given.
    var isPassing: Bool {
        if case .passing = state { true } else { false }
    }

    /// Takes bytes as they were read and returns those that are the command's.
    mutating func pass(_ bytes: [UInt8]) -> [UInt8] {
        guard case .undecided(let held) = state else { return bytes }
        let all = held + bytes
        let mayBeMessage =
            all.count <= LauncherDiagnosis.maximumLength
            && zip(all, LauncherDiagnosis.prefix).allSatisfy { $0 == $1 }
        guard mayBeMessage else {
            state = .passing
            return all
        }
        state = .undecided(all)
        return []
    }

    /// The command ran: what was held back is its own.
    mutating func release() -> [UInt8] {
        defer { state = .passing }
        if case .undecided(let held) = state { return held }
        return []
    }
}
