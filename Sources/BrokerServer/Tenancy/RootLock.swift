import AgentBackend
import FoundationEssentials
import Glibc

/// The right to be the one broker of a root directory. Ends with its value, and with the process however it ends.
struct RootLock: ~Copyable, Sendable {
    private static let fileName = "lock"
    private static let pollInterval: Duration = .milliseconds(50)

    private let file: OwnedDescriptor

    /// Tries for as long as `patience` says: a broker that is being replaced takes a moment to end.
    ///
    /// Throws `CONFLICT` that names the holder when it is still held then, and `CANCELLED` for a cancelled task.
    static func acquire(
        in root: CInt,
        path: String,
        patience: Duration,
        clock: some Clock<Duration>
    ) async throws(BackendError) -> RootLock {
        let file = try openFile(in: root, path: path)
        let deadline = clock.now.advanced(by: patience)
        while true {
            let isHeld = try SystemFailure.advising("choose a root on a file system that has locks") {
                () throws(SystemFailure) in
                // Of the open file, not of the process: it keeps out a second broker in this process as well.
                if flock(file.raw, LOCK_EX | LOCK_NB) == 0 { return false }
                if errno == EWOULDBLOCK || errno == EINTR { return true }
                throw SystemFailure("flock", "\(path)/\(fileName)")
            }
            if !isHeld { break }
            guard clock.now < deadline else { throw held(by: holder(in: root), path: path) }
            do {
                try await clock.sleep(until: min(deadline, clock.now.advanced(by: pollInterval)), tolerance: nil)
            } catch {
                throw BackendError(.cancelled, message: "cancelled while waiting for the lock on \(path)")
            }
        }
        try SystemFailure.advising("make room, or choose another root") { () throws(SystemFailure) in
            try sign(file.raw, path: "\(path)/\(fileName)")
        }
        return RootLock(file: file)
    }

    private init(file: consuming OwnedDescriptor) {
        self.file = file
    }

    /// The file stays, for a next broker may have opened it already; it names nobody any more.
    deinit { ftruncate(file.raw, 0) }

    private static func openFile(in root: CInt, path: String) throws(BackendError) -> OwnedDescriptor {
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
        let path = "\(path)/\(fileName)"
        return try SystemFailure.advising("make it writable to the broker, or choose another root") {
            () throws(SystemFailure) in
            OwnedDescriptor(adopting: try SystemFailure.check("open", path) { openat(root, fileName, flags, 0o600) })
        }
    }

    /// Says in the file who holds it, for whoever is kept out.
    private static func sign(_ file: CInt, path: String) throws(SystemFailure) {
        try SystemFailure.check("truncate", path) { ftruncate(file, 0) }
        let text = "pid \(getpid()), started \(Date.now.formatted(.iso8601))"
        try SmallFile.write(Array(text.utf8), to: file, path: path)
    }

    private static func holder(in root: CInt) -> String {
        let bytes = (try? SmallFile.read(fileName, in: root, atMost: 200)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        return text.isEmpty ? "" : " (\(text))"
    }

    private static func held(by holder: String, path: String) -> BackendError {
        BackendError(
            .conflict,
            reason: .busy,
            message: "\(path) is in use by another broker\(holder): stop that one, or choose another root",
            isRetryable: true
        )
    }
}
