import AgentBackend
import Glibc

/// A system call that failed, about a path of the host: for the log and for the operator, never for a client.
struct SystemFailure: Error, Sendable, Hashable {
    var call: String
    var path: String
    var errno: CInt

    /// The failure that the calling thread's `errno` tells of.
    init(_ call: String, _ path: String) {
        self.init(call, path, errno: Glibc.errno)
    }

    init(_ call: String, _ path: String, errno: CInt) {
        self.call = call
        self.path = path
        self.errno = errno
    }

    /// What went wrong, without the path.
    var summary: String { String(cString: strerror(errno)) }

    var reason: BackendError.Reason {
        switch errno {
        case ENOENT: .notFound
        case EEXIST: .exists
        case EISDIR: .isDirectory
        case ENOTDIR: .notDirectory
        case ENOTEMPTY: .notEmpty
        case EACCES, EPERM: .denied
        case ENOSPC, EDQUOT: .noSpace
        case EFBIG: .tooLarge
        case ELOOP: .loop
        case EBUSY: .busy
        case EROFS: .readOnly
        case EXDEV: .crossDevice
        default: .io
        }
    }

    /// Runs a call again while a signal interrupts it. Throws for a negative result.
    @discardableResult
    static func check<Result: SignedInteger>(
        _ call: String,
        _ path: @autoclosure () -> String,
        _ body: () -> Result
    ) throws(SystemFailure) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            if Glibc.errno != EINTR { throw SystemFailure(call, path()) }
        }
    }
}

extension SystemFailure: CustomStringConvertible {
    var description: String { "\(call) \(path): \(summary)" }
}

extension SystemFailure {
    /// Runs calls whose failure the operator is told: where the broker cannot use its own files. `advice` ends the
    /// message.
    @discardableResult
    static func advising<Result: ~Copyable>(
        _ advice: @autoclosure () -> String,
        _ body: () throws(SystemFailure) -> Result
    ) throws(BackendError) -> Result {
        do {
            return try body()
        } catch {
            throw BackendError(
                .invalidConfiguration,
                reason: error.reason,
                systemErrno: error.errno,
                message: "\(error); \(advice())",
                cause: error
            )
        }
    }

    /// Runs calls whose failure a client is told: nothing about the host but what kind it was.
    static func concealing<Result: ~Copyable>(
        _ message: @autoclosure () -> String,
        _ body: () throws(SystemFailure) -> Result
    ) throws(BackendError) -> Result {
        do {
            return try body()
        } catch {
            throw BackendError(
                .writeFailed,
                reason: error.reason,
                systemErrno: error.errno,
                message: "\(message()): \(error.summary)",
                cause: error
            )
        }
    }
}
